"""Opens a backup: nothing of it is used before the site's key, or the hash that was noted, has vouched for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cudepot.catalog.site.backup import Backup, parse_backup
from cudepot.catalog.site.bundle import sums
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError, FormatError, TrustError
from cudepot.formats.bundle_tar import FIRST, LIMITS, Member, members
from cudepot.signing.gpgv import Gpgv
from cudepot.signing.keys import read_keys
from cudepot.temporary import temporary_folder

DAMAGED = "copy it again from where it is whole, or take an older one: `sha256sum` gives what `cudepot backup` said"


class Opened(NamedTuple):
    """A backup that the expected key signed, or that has the expected hash: the file, its manifest and its members."""

    path: Path
    manifest: Backup
    members: Mapping[str, Member]


class Vouched(NamedTuple):
    """What somebody knows of a backup from elsewhere: the site's key, or for one without signature the file's hash."""

    key: str = ""
    sha256: str = ""


def open_backup(path: Path, known: Vouched) -> Opened:
    """Read the head of a backup; of what nothing vouches for, no more is looked at than whose it says it is.

    Raises:
        ConfigError: not there, something else, or nothing is given that could vouch for it.
        FormatError: cut, damaged, or no backup.
        TrustError: signed by another key, changed, or another file than the one whose hash was noted.
    """
    try:
        with path.open("rb") as handle:
            found = _members(handle, path)
            document, signature, listed = (_read(handle, one) for one in found[: len(FIRST)])
            sha256 = "" if signature else _hashed(handle)
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the backup: {error.strerror}", hint="check the name") from error
    manifest = _parsed(document, path)
    if signature:
        _check_signature(path, manifest, known.key, document, signature)
    else:
        _check_hash(path, manifest, known.sha256, sha256)
    there = {one.sha256: one for one in found[len(FIRST) :]}
    whole = {(one.sha256, one.size) for one in manifest.members} == {(one.sha256, one.size) for one in there.values()}
    if listed != sums(document, signature, manifest.members) or not whole:
        raise FormatError(f"{path}: its members are not those of its manifest", hint=DAMAGED)
    return Opened(path, manifest, there)


def _members(handle: BinaryIO, path: Path) -> list[Member]:
    try:
        found = list(members(handle, str(path)))
    except FormatError as error:
        raise FormatError(f"{path}: is no backup, or was cut or damaged", hint=DAMAGED) from error
    if [one.name for one in found[: len(FIRST)]] != list(FIRST):
        raise FormatError(f"{path}: does not begin as a backup does", hint=DAMAGED)
    return found


def _read(handle: BinaryIO, member: Member) -> bytes:
    if member.size > LIMITS[member.name]:
        raise FormatError(f"{member.name} has {member.size} bytes, more than is believable", hint=DAMAGED)
    handle.seek(member.offset)
    return handle.read(member.size)


def _hashed(handle: BinaryIO) -> str:
    handle.seek(0)
    return Digest.of_stream(handle).sha256


def _parsed(document: bytes, path: Path) -> Backup:
    try:
        return parse_backup(document, str(path))
    except ConfigError as error:
        raise error if error.hint else ConfigError(str(error), hint=DAMAGED) from error


def _check_signature(path: Path, manifest: Backup, key: str, document: bytes, signature: bytes) -> None:
    if not key:
        raise ConfigError(
            f"{path}: says that it was signed by {manifest.signer}",
            hint="compare that with the fingerprint you know your site by, then give it as --key",
        )
    with temporary_folder() as folder:
        file = folder / "keys.asc"
        file.write_text(manifest.keys)
        try:
            keys = [one.fingerprint for one in read_keys(file)]
        except CudepotError as error:
            raise FormatError(f"{path}: its keys cannot be read: it was damaged", hint=DAMAGED) from error
        if key not in keys:
            hint = f"compare the fingerprint you know your site by with {manifest.signer}, which it names"
            raise TrustError(f"{path}: is not of the site with the key {key}", hint=hint)
        try:
            Gpgv([file], [key], pin_with="--key").detached(document, signature, str(path))
        except TrustError as error:
            raise TrustError(f"{error}: it was changed since it was written", hint=DAMAGED) from error


def _check_hash(path: Path, manifest: Backup, wanted: str, found: str) -> None:
    """Hold a backup without a signature to its hash: who restores another one trusts the site of whoever made that."""
    if not wanted:
        raise ConfigError(
            f"{path}: is not signed: it is of a project that shows the site of {manifest.signer} and has no key",
            hint="give --sha256 with the hash that `cudepot backup` said when it wrote the file",
        )
    if wanted != found:
        raise TrustError(f"{path}: its sha256 is {found}, not {wanted}", hint=DAMAGED)
