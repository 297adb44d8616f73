"""Verification by GnuPG's ``gpgv``: status lines and full fingerprints decide, never exit codes or key ids.

Status lines: GnuPG ``doc/DETAILS``. A document may carry several signatures (Debian's does); one valid signature
by a pinned key is enough, whatever else is there.
"""

from __future__ import annotations

import datetime
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from cudepot.errors import ClockError, ConfigError, SignatureError, TrustError
from cudepot.fingerprints import fingerprint
from cudepot.openpgp import HASHES, DocumentSignature
from cudepot.ports import Signed
from cudepot.signing.cleartext import parted
from cudepot.signing.keys import dearmored, parse_keys
from cudepot.temporary import temporary_folder

_STRONG_HASHES = {"8", "9", "10", "12", "14"}  # RFC 9580 section 9.5: SHA2-256, -384, -512, SHA3-256, -512
_BAD = {
    "EXPSIG": "the signature has expired",
    "EXPKEYSIG": "the key that signed it has expired",
    "REVKEYSIG": "the key that signed it has been revoked",
    "BADSIG": "the signature does not match the text",
    "ERRSIG": "signed by a key that is not in the keyring",
}

_LATER = "the signature was made in the future"
_SET_CLOCK = "set this machine's clock (`date -u`, `timedatectl`) and run the command again; nothing has been changed"
_SLACK = datetime.timedelta(minutes=1)
_BAD_KEY = "6"  # GPG_ERR_BAD_PUBKEY: there, but not to be used; a key from the future is one

_GPG = [
    *("gpg", "--no-options", "--batch", "--no-tty", "--trust-model", "always", "--no-auto-check-trustdb"),
    *("--lock-never", "--no-auto-key-retrieve", "--disable-dirmngr", "--no-default-keyring"),
]


class Gpgv:
    """Verifies against key files, trusting only pinned fingerprints; see :class:`cudepot.ports.Verifier`.

    Args:
        keyrings: files with public keys, armored or binary.
        fingerprints: full fingerprints of the primary keys that may sign.
        pin_with: what pins another key, for hints, ready to be shown.
        configured: whether the key files are of this machine's configuration: files that hold no pinned key are a
            fault of that then. Files that came with what is verified are just not trusted.
    """

    def __init__(
        self, keyrings: Sequence[Path], fingerprints: Sequence[str], *, pin_with: str = "", configured: bool = True
    ) -> None:
        self._pin_with, self._configured = pin_with or "`cudepot trust add UPSTREAM KEYFILE`", configured
        self._pinned = frozenset(fingerprint(one) for one in fingerprints)
        self._keys = [(str(path), dearmored(path)) for path in keyrings]

    def clearsigned(self, document: bytes, what: str) -> Signed:
        """Verify a cleartext-signed document and return the text inside; raise TrustError otherwise."""
        text, signatures = parted(document, what)
        return Signed(text + b"\n", self.detached(text, signatures, what).signers)

    def detached(self, document: bytes, signature: bytes, what: str) -> Signed:
        """Verify ``document`` against a detached signature; raise TrustError otherwise."""
        with temporary_folder() as home:
            (home / "document").write_bytes(document)
            (home / "signature").write_bytes(signature)
            return Signed(document, self._run(home, what, [str(home / "signature"), str(home / "document")]))

    def detached_file(self, document: BinaryIO, signature: bytes, what: str) -> Signed:
        """Verify the rest of an open file, which gpgv reads by itself; raise TrustError otherwise."""
        os.lseek(document.fileno(), document.tell(), os.SEEK_SET)  # where the buffer is, not where it has read to
        with temporary_folder() as home:
            (home / "signature").write_bytes(signature)
            return Signed(b"", self._run(home, what, [str(home / "signature"), "-"], document))

    def detached_each(self, documents: Sequence[tuple[bytes, bytes, str]]) -> list[Signed | TrustError]:
        """Verify many small documents, each with its binary detached signature (one packet) and its name.

        One run of gpg looks at all of them, because starting a program takes longer than checking a signature.
        What it does not find good is asked of gpgv again, which also says why.
        """
        good = self._quick(documents) if len(documents) > 1 else {}
        found: list[Signed | TrustError] = []
        for number, (document, signature, what) in enumerate(documents):
            signers = good.get(number, ())
            found.append(Signed(document, signers) if signers else self._slow(document, signature, what))
        return found

    def _slow(self, document: bytes, signature: bytes, what: str) -> Signed | TrustError:
        try:
            return self.detached(document, signature, what)
        except TrustError as error:
            return error

    def _quick(self, documents: Sequence[tuple[bytes, bytes, str]]) -> dict[int, tuple[str, ...]]:
        """Return the signers of the documents gpg finds good, by their place in the list."""
        with temporary_folder() as home:
            for number, (document, signature, _) in enumerate(documents):
                (home / f"{number}").write_bytes(signature + _literal(document))
            names = [str(home / f"{number}") for number in range(len(documents))]
            status = _run_for_status(home, [*_GPG, *self._keyring_options(home), "--verify-files", *names])
        good: dict[int, tuple[str, ...]] = {}
        for name, lines in _files(status):
            found = [one.signer for one in _signatures(lines) if not one.fault and one.signer in self._pinned]
            if found:
                good[int(name.rpartition("/")[2])] = tuple(dict.fromkeys(found))
        return good

    def inspect(self, document: bytes, signature: bytes | None) -> tuple[DocumentSignature, ...]:
        """Return all signatures of a document, good and bad, pinned or not; ``signature`` when it is detached."""
        try:
            text, signed_by = (document, signature) if signature is not None else parted(document, "")
        except TrustError:
            return ()
        with temporary_folder() as home:
            files = [home / "signature", home / "document"]
            for path, data in zip(files, (signed_by, text), strict=True):
                path.write_bytes(data)
            return tuple(_signatures(_gpgv(home, self._keyring_options(home), [str(one) for one in files])))

    def _run(self, home: Path, what: str, files: list[str], stdin: BinaryIO | None = None) -> tuple[str, ...]:
        found = _signatures(_gpgv(home, self._keyring_options(home), files, stdin))
        good = tuple(dict.fromkeys(one.signer for one in found if not one.fault and one.signer in self._pinned))
        if not good:
            if clock := next((one.fault for one in found if one.fault.startswith(_LATER)), ""):
                raise ClockError(f"{what}: {clock}", hint=_SET_CLOCK)
            if self._configured:
                self._check_keyrings()
            torn = any(one.fault.startswith(_BAD["BADSIG"]) for one in found)
            raise (SignatureError if torn else TrustError)(f"{what}: {self._explain(found)}", hint=self._hint(found))
        return good

    def _keyring_options(self, home: Path) -> list[str]:
        options: list[str] = []
        for number, (_, key) in enumerate(self._keys):
            path = home / f"keyring-{number}.gpg"
            path.write_bytes(key)
            options += ["--keyring", str(path)]
        return options

    def _check_keyrings(self) -> None:
        """Refuse key files that hold none of the pinned keys: nothing could verify, whatever the upstream signs."""
        found = {name: parse_keys(key) for name, key in self._keys}
        if self._pinned & {part.fingerprint for keys in found.values() for one in keys for part in one.parts}:
            return
        held = {name: [one.fingerprint for one in keys] for name, keys in found.items()}
        told = "; ".join(f"{name} holds {', '.join(several) or 'no key'}" for name, several in held.items())
        raise ConfigError(
            f"none of the pinned keys {', '.join(sorted(self._pinned))} is in `keyrings`: {told or 'no key files'}",
            hint=f"{self._pin_with} pins another key; otherwise get the file again and look at it with `gpg "
            "--show-keys FILE`",
        )

    def _explain(self, found: list[DocumentSignature]) -> str:
        if not found:
            return "no OpenPGP signature found"
        faults = [one.fault or f"validly signed by {one.signer}, a key that is not pinned" for one in found]
        return "; ".join(dict.fromkeys(faults))

    def _hint(self, found: list[DocumentSignature]) -> str:
        pinned = ", ".join(sorted(self._pinned)) or "none"
        if any("expired" in one.fault for one in found):
            now = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
            return f"ask for a fresh signature or key, unless this machine's clock is wrong: it says {now}"
        return (
            f"pinned keys: {pinned}; if the upstream changed its key, confirm the new one's fingerprint elsewhere: "
            f"{self._pin_with} pins it"
        )


def _gpgv(home: Path, options: list[str], files: list[str], stdin: BinaryIO | None = None) -> list[list[str]]:
    """Run gpgv and return the fields of its status lines."""
    return _run_for_status(home, ["gpgv", *options, *files], stdin)


def _run_for_status(home: Path, command: list[str], stdin: BinaryIO | None = None) -> list[list[str]]:
    """Run gpg or gpgv in a home of its own and return the fields of its status lines."""
    # A file, not a pipe: a document with hundreds of signatures makes more status lines than a pipe holds.
    with (home / "status").open("w+b") as status:
        send = status.fileno()
        try:
            argv = [command[0], "--quiet", "--homedir", str(home), "--status-fd", str(send), *command[1:]]
            subprocess.run(argv, stdin=stdin, pass_fds=[send], capture_output=True, check=False)
        except FileNotFoundError as error:
            raise ConfigError(
                f"{command[0]} is not installed", hint=f"apt-get install {command[0]}, or dnf install gnupg2"
            ) from error
        status.seek(0)
        lines = status.read().decode(errors="replace").splitlines()
    return [line.split()[1:] for line in lines if line.startswith("[GNUPG:] ")]


def _literal(document: bytes) -> bytes:
    """Return the document as an OpenPGP literal packet: behind its signature it is a signed message (RFC 9580, 5.9)."""
    body = b"b\0\0\0\0\0" + document
    return b"\xcb\xff" + len(body).to_bytes(4) + body


def _files(status: list[list[str]]) -> list[tuple[str, list[list[str]]]]:
    """Split the status lines of ``--verify-files`` by file."""
    found: list[tuple[str, list[list[str]]]] = []
    for fields in status:
        if fields[0] == "FILE_START":
            found.append((fields[-1], []))
        elif found:
            found[-1][1].append(fields)
    return found


def _signatures(status: list[list[str]]) -> list[DocumentSignature]:
    found: list[DocumentSignature] = []
    for block in _blocks(status):
        words = {fields[0]: fields[1:] for fields in block}
        fault = next((text for word, text in _BAD.items() if word in words), "")
        valid = words.get("VALIDSIG", [])
        if not fault and ("GOODSIG" not in words or len(valid) < 10):
            fault = "the signature could not be checked"
        if not fault and valid[7] not in _STRONG_HASHES:
            fault = f"signed over a weak hash (OpenPGP algorithm {valid[7]})"
        if "ERRSIG" in words:
            fault = _not_checked(words["ERRSIG"], fault)
        found.append(_seen(valid, fault))
    return found


def _not_checked(fields: list[str], fault: str) -> str:
    """Say why gpgv could not check a signature: fields of ERRSIG are key id, algorithms, class, time and reason."""
    made = _time(fields[4]) if len(fields) > 5 else None
    now = datetime.datetime.now(datetime.UTC)
    if made is not None and made > now + _SLACK:
        return (
            f"{_LATER}: it was made {made:%Y-%m-%dT%H:%M:%SZ}, but this machine's clock says {now:%Y-%m-%dT%H:%M:%SZ}"
        )
    if len(fields) > 5 and fields[5] == _BAD_KEY:
        return f"the key that signed it cannot be used: it is damaged, or newer than this machine's clock ({fields[0]})"
    return f"{fault} ({fields[0]})"


def _time(text: str) -> datetime.datetime | None:
    """Return a time of a status line: seconds since 1970, or ISO 8601 where gpgv was built so."""
    try:
        if text.isdigit():
            return datetime.datetime.fromtimestamp(int(text), datetime.UTC)
        return datetime.datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _seen(valid: list[str], fault: str) -> DocumentSignature:
    """Return the signature of a VALIDSIG line; one that could not be checked has none."""
    if len(valid) < 10:
        return DocumentSignature("", "", "", "", fault)
    digest = HASHES.get(int(valid[7]), f"algorithm {valid[7]}")
    ends = "" if valid[3] == "0" else datetime.datetime.fromtimestamp(int(valid[3]), datetime.UTC).date().isoformat()
    return DocumentSignature(valid[9], valid[0], digest, ends, fault)


def _blocks(status: list[list[str]]) -> list[list[list[str]]]:
    """Split status lines into one block per signature (each begins with NEWSIG)."""
    blocks: list[list[list[str]]] = []
    for fields in status:
        if fields[0] == "NEWSIG":
            blocks.append([])
        elif blocks:
            blocks[-1].append(fields)
    return blocks
