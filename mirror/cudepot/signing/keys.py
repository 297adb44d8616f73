"""Public keys as GnuPG reads them from a file: dates, algorithm, and the hash their self-signatures are made over.

Columns: GnuPG ``doc/DETAILS``. The hash matters because a key's own signature can be refused where the signature of
a document is not: NVIDIA's 3bf863cc signs with SHA-512 and vouches for itself with SHA-1.
"""

from __future__ import annotations

import datetime
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cudepot.errors import ConfigError
from cudepot.openpgp import ALGORITHMS, HASHES, KeyPart, PublicKey
from cudepot.temporary import temporary_folder

_BINDING = ("10", "11", "12", "13", "18", "1F")  # classes of signatures by which a key vouches for itself

_KEYBOX = b"KBXf"
_ARMOR = re.compile(
    rb"^-----BEGIN PGP (PUBLIC KEY BLOCK|ARMORED FILE)-----.*?^-----END PGP \1-----[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


def read_keys(path: Path) -> tuple[PublicKey, ...]:
    """Return the public keys of a file, armored or binary, each with its subkeys.

    Raises:
        ConfigError: the file cannot be read, or holds no public key.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the public key: {error.strerror}", hint="check the path") from error
    found = parse_keys(binary_keys(data, str(path)))
    if not found:
        raise ConfigError(f"{path}: not an OpenPGP public key", hint="`gpg --show-keys FILE` must name a key")
    return found


def parse_keys(data: bytes) -> tuple[PublicKey, ...]:
    """Return the public keys in ``data``; none when gpg finds none."""
    with temporary_folder() as home:
        command = ["gpg", "--homedir", str(home), "--batch", "--no-tty", "--quiet", "--no-auto-check-trustdb"]
        command += ["--with-colons", "--with-sig-list", "--show-keys"]
        try:
            done = subprocess.run(command, input=data, capture_output=True, check=False)
        except FileNotFoundError as error:
            raise ConfigError("gpg is not installed", hint="apt-get install gnupg, or dnf install gnupg2") from error
    rows = [line.split(":") for line in done.stdout.decode(errors="replace").splitlines()]
    keys = (_key(block) for block in _blocks(rows) if block[0][0] == "pub")
    return tuple(key for key in keys if all(_sound(part) for part in key.parts))


def _sound(part: KeyPart) -> bool:
    """Return whether gpg could read a key: version 3 keys have short fingerprints, damaged ones no bits."""
    return len(part.fingerprint) in (40, 64) and part.bits > 0


def _blocks(rows: list[list[str]]) -> list[list[list[str]]]:
    """Split gpg's rows into one block per primary key."""
    blocks: list[list[list[str]]] = []
    for row in rows:
        if row[0] in ("pub", "sec"):
            blocks.append([])
        if blocks:
            blocks[-1].append(row)
    return blocks


@dataclass(slots=True)
class _Reading:
    """What has been read of one key."""

    keyid: str
    uid: str = ""
    parts: list[KeyPart] = field(default_factory=list)
    newest: int = -1


def _key(rows: list[list[str]]) -> PublicKey:
    reading = _Reading(rows[0][4])
    for row in rows:
        if row[0] in ("pub", "sub"):
            reading.parts.append(_part(row))
            reading.newest = -1
        elif row[0] == "fpr" and not reading.parts[-1].fingerprint:
            reading.parts[-1] = replace(reading.parts[-1], fingerprint=row[9])
        elif row[0] == "uid":
            reading.uid = reading.uid or row[9].replace("\\x3a", ":")
        elif row[0] == "sig":
            _note(reading, row)
    return PublicKey(reading.uid, tuple(reading.parts))


def _part(row: list[str]) -> KeyPart:
    algorithm = ALGORITHMS.get(_number(row[3]), f"algorithm {row[3]}")
    signs = "s" in row[11]
    return KeyPart("", algorithm, _number(row[2]), _date(row[5]), _date(row[6]), row[1] == "r", "", signs)


def _note(reading: _Reading, row: list[str]) -> None:
    """Keep the hash of the newest signature by which the key vouches for the part at hand."""
    made, kind = _number(row[5]), row[10][:2].upper()
    if row[4] == reading.keyid and kind in _BINDING and made > reading.newest:
        reading.newest = made
        digest = HASHES.get(_number(row[15]), f"algorithm {row[15]}")
        reading.parts[-1] = replace(reading.parts[-1], digest=digest)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _date(text: str) -> str:
    seconds = _number(text)
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).date().isoformat() if seconds else ""


def dearmored(path: Path) -> bytes:
    """Return a key file as a binary keyring, as gpg reads it; raise ConfigError when it cannot be read.

    Words around and between armored keys are left out (Apache's ``KEYS`` files), all of several are taken, and a
    keybox gives what it holds.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the public key", hint="check `keyrings` in cudepot.toml") from error
    return binary_keys(data, str(path))


def binary_keys(data: bytes, what: str) -> bytes:
    """Return the public keys of a file's bytes as a binary keyring; bytes that are none as they are."""
    if data[8:12] == _KEYBOX:
        return _out_of_keybox(data)
    blocks = [found[0] for found in _ARMOR.finditer(data.replace(b"\r\n", b"\n"))]
    if not blocks and b"-----BEGIN PGP" in data:
        raise ConfigError(
            f"{what}: not an OpenPGP public key, or truncated", hint="`gpg --show-keys FILE` must name a key"
        )
    return b"".join(_dearmored(one, what) for one in blocks) if blocks else data


def _dearmored(block: bytes, what: str) -> bytes:
    done = _gpg(["--dearmor"], block)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise ConfigError(f"{what}: not an OpenPGP public key: {said}", hint="`gpg --show-keys FILE` must name a key")
    return done.stdout


def _out_of_keybox(data: bytes) -> bytes:
    with temporary_folder() as home:
        (home / "keys.kbx").write_bytes(data)
        where = ["--homedir", str(home), "--no-default-keyring", "--keyring", str(home / "keys.kbx")]
        return _gpg([*where, "--batch", "--no-autostart", "--export"], b"").stdout


def _gpg(arguments: Sequence[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["gpg", *arguments], input=data, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ConfigError("gpg is not installed", hint="apt-get install gnupg, or dnf install gnupg2") from error


def exported(paths: Sequence[Path], fingerprints: Sequence[str]) -> bytes:
    """Return the keys of these fingerprints, and no others, out of key files, as one armored file.

    Raises:
        ConfigError: a file cannot be read, or none of them holds one of the keys.
    """
    keyring = b"".join(dearmored(path) for path in paths)
    with temporary_folder() as home:
        gpg = ["gpg", "--homedir", str(home), "--batch", "--no-tty", "--quiet", "--no-autostart"]
        subprocess.run([*gpg, "--import"], input=keyring, capture_output=True, check=False)
        done = subprocess.run([*gpg, "--armor", "--export", *fingerprints], capture_output=True, check=False)
    if not done.stdout:
        raise ConfigError(
            f"none of {', '.join(map(str, paths)) or 'no key files'} holds {' or '.join(fingerprints)}",
            hint="check `keyrings` in cudepot.toml",
        )
    return done.stdout
