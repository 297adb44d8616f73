"""Verification by GnuPG's ``gpgv``: status lines and full fingerprints decide, never exit codes or key ids.

Status lines: GnuPG ``doc/DETAILS``. One valid signature by a pinned key is enough, whatever else a document carries.
"""

import calendar
import os
import shutil
import subprocess
import tempfile
import time
from typing import Dict, Iterable, List, Sequence, Tuple

from cudepot_far.errors import ClockError, ConfigError, TrustError

_STRONG = {"8", "9", "10", "12", "14"}  # RFC 9580 section 9.5: SHA2-256, -384, -512, SHA3-256, -512
_BAD = (
    ("EXPSIG", "the signature has expired"),
    ("EXPKEYSIG", "the key that signed it has expired"),
    ("REVKEYSIG", "the key that signed it has been revoked"),
    ("BADSIG", "the signature does not match the text"),
    ("ERRSIG", "signed by a key that is not in the keyring"),
)
_SLACK = 60  # seconds a clock may be behind
_MESSAGE, _BEGIN, _END = (
    b"-----BEGIN PGP SIGNED MESSAGE-----",
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----END PGP SIGNATURE-----",
)


class Gpgv:
    """Verifies against binary keyrings, trusting only pinned full fingerprints.

    Args:
        keyrings: what they hold.
        pinned: fingerprints of the primary keys that may sign.
        where: what pins another key, for hints.
    """

    def __init__(self, keyrings: Sequence[bytes], pinned: Iterable[str], where: str) -> None:
        self._keyrings, self._pinned, self._where = keyrings, frozenset(pinned), where

    def detached(self, document: bytes, signature: bytes, what: str) -> Tuple[str, ...]:
        """Return the pinned keys that signed a document; raise TrustError when none did."""
        home = tempfile.mkdtemp(prefix="cudepot-far-")
        try:
            return self._detached(home, document, signature, what)
        finally:
            shutil.rmtree(home, ignore_errors=True)

    def clearsigned(self, document: bytes, what: str) -> Tuple[bytes, Tuple[str, ...]]:
        """Return the text inside a cleartext-signed document, and who signed it; raise TrustError otherwise."""
        inside, signatures = parted(document, what)
        return inside + b"\n", self.detached(inside, signatures, what)

    def _detached(self, home: str, document: bytes, signature: bytes, what: str) -> Tuple[str, ...]:
        options: List[str] = []
        for number, one in enumerate(self._keyrings):
            options += ["--keyring", _kept(home, f"keyring-{number}.gpg", one)]
        files = [_kept(home, "signature", signature), _kept(home, "document", document)]
        found = [_judged(one) for one in _blocks(_status(home, options + files))]
        good = [signer for signer, fault in found if not fault and signer in self._pinned]
        if good:
            return tuple(sorted(set(good)))
        faults = [fault or f"validly signed by {signer}, a key that is not pinned" for signer, fault in found]
        told = "; ".join(sorted(set(faults))) or "no OpenPGP signature found"
        if any("in the future" in one for one in faults):
            raise ClockError(f"{what}: {told}", "set this machine's clock; nothing has been changed")
        raise TrustError(
            f"{what}: {told}",
            "pinned keys: {} ({})".format(", ".join(sorted(self._pinned)) or "none", self._where),
        )


def _kept(home: str, name: str, data: bytes) -> str:
    path = os.path.join(home, name)
    with open(path, "wb") as out:
        out.write(data)
    return path


def _status(home: str, arguments: List[str]) -> List[List[str]]:
    """Run gpgv and return the fields of its status lines."""
    # A file, not a pipe: a document with hundreds of signatures makes more status lines than a pipe holds.
    with open(os.path.join(home, "status"), "w+b") as status:
        send = status.fileno()
        argv = ["gpgv", "--quiet", "--homedir", home, "--status-fd", str(send)]
        try:
            subprocess.run(
                argv + arguments, pass_fds=[send], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
            )
        except OSError as error:
            raise ConfigError(
                f"gpgv cannot be run: {error.strerror}",
                "Debian and Ubuntu have it in the package gpgv, RHEL and its kin in gnupg2: bring that over",
            ) from error
        status.seek(0)
        lines = status.read().decode("utf-8", "replace").splitlines()
    return [line.split()[1:] for line in lines if line.startswith("[GNUPG:] ")]


def _blocks(status: List[List[str]]) -> List[Dict[str, List[str]]]:
    """Split status lines by signature: each begins with NEWSIG."""
    blocks: List[Dict[str, List[str]]] = []
    for fields in status:
        if fields[0] == "NEWSIG":
            blocks.append({})
        elif blocks:
            blocks[-1][fields[0]] = fields[1:]
    return blocks


def _judged(words: Dict[str, List[str]]) -> Tuple[str, str]:
    """Return the primary key that made a signature, and why the signature does not count; empty when it does."""
    valid = words.get("VALIDSIG", [])
    fault = next((told for word, told in _BAD if word in words), "")
    if not fault and ("GOODSIG" not in words or len(valid) < 10):
        fault = "the signature could not be checked"
    if not fault and valid[7] not in _STRONG:
        fault = f"signed over a weak hash (OpenPGP algorithm {valid[7]})"
    if "ERRSIG" in words:
        fault = _not_checked(words["ERRSIG"], fault)
    return (valid[9] if len(valid) > 9 else ""), fault


def _not_checked(fields: List[str], fault: str) -> str:
    """Say why gpgv could not check a signature: fields of ERRSIG are key id, algorithms, class, time and reason."""
    made = _time(fields[4]) if len(fields) > 5 else 0
    if made > time.time() + _SLACK:
        return "the signature was made in the future, as this machine's clock has it"
    if len(fields) > 5 and fields[5] == "6":  # GPG_ERR_BAD_PUBKEY
        return f"the key that signed it cannot be used: damaged, or newer than this machine's clock ({fields[0]})"
    return f"{fault} ({fields[0]})"


def _time(written: str) -> int:
    """Return a time of a status line: seconds since 1970, or ISO 8601 where gpgv was built so."""
    try:
        return int(written) if written.isdigit() else calendar.timegm(time.strptime(written, "%Y%m%dT%H%M%S"))
    except (ValueError, OverflowError):
        return 0


def parted(document: bytes, what: str) -> Tuple[bytes, bytes]:
    """Return the text of a cleartext-signed document and the signatures over it, as apt takes it apart.

    Source: RFC 9580, section 7. One message that begins on the first line, its signatures behind it, nothing else:
    gpgv would pass over text around it.

    Raises:
        TrustError: it is not exactly one signed message.
    """
    body = document[:-1] if document.endswith(b"\n") else document
    lines = [line.rstrip(b" \t\r") for line in body.split(b"\n")]
    blank = lines.index(b"") if b"" in lines else 0
    begin = lines.index(_BEGIN) if _BEGIN in lines else 0
    if lines[0] != _MESSAGE or not 0 < blank < begin or not _is_armor(lines[begin:]):
        raise TrustError(f"{what}: not exactly one cleartext-signed message", "do not import this bundle")
    inside = [line[2:] if line.startswith(b"- ") else line for line in lines[blank + 1 : begin]]
    return b"\n".join(inside), b"\n".join(lines[begin:]) + b"\n"


def _is_armor(lines: List[bytes]) -> bool:
    """Return whether lines are armored signatures, one behind the other, and nothing else."""
    inside = False
    for line in lines:
        if inside and line.startswith(b"-") and line != _END:
            return False
        if not inside and line != _BEGIN:
            return False
        inside = line != _END
    return bool(lines) and not inside
