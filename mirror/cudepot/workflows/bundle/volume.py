"""One volume of a bundle as a file: written, opened with its signature checked, and its objects brought in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cudepot.catalog.site.bundle import Manifest, parse_manifest, sums
from cudepot.digest import CHUNK, Digest
from cudepot.disk import storage_errors
from cudepot.errors import ConfigError, CudepotError, FormatError, TrustError
from cudepot.formats.bundle_tar import (
    END,
    FIRST,
    LIMITS,
    MANIFEST,
    OBJECTS,
    SIGNATURE,
    Member,
    header,
    members,
    padding,
)
from cudepot.formats.guarded import sliced
from cudepot.openpgp import is_plain_armor
from cudepot.ports import Progress, Verifier
from cudepot.store.local import LocalStore
from cudepot.transport.volumes import volume_file

WORKERS = 4
_HINT = "it was damaged in transit, or is not a bundle: compare it with its SHA256SUMS and copy it again"
Head = tuple[bytes, bytes, bytes]
"""Manifest, signature and SHA256SUMS: what every volume begins with."""
Chunks = Callable[[Digest], Iterable[bytes]]


def write_volume(path: Path, head: Head, volume: Sequence[Digest], chunks: Chunks, *, mode: int = 0o644) -> str:
    """Write a volume and return its sha256; it appears at ``path``, with these permissions, when it is complete."""
    with volume_file(path, mode) as out:
        for name, data in zip(FIRST, head, strict=True):
            out.write(header(name, len(data)) + data + bytes(padding(len(data))))
        for one in volume:
            out.write(header(f"{OBJECTS}{one.sha256}", one.size))
            for chunk in chunks(one):
                out.write(chunk)
            out.write(bytes(padding(one.size)))
        out.write(END)
        return out.sha256


def complete_volume(path: Path, head: Head, volume: Sequence[Digest]) -> str:
    """Return the sha256 of a file that is this very volume; empty when it is not."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as handle:
            found = list(members(handle, path.name))
            if [(one.name, one.size) for one in found] != _expected(head, volume):
                return ""
            for one, data in zip(found, head, strict=False):
                handle.seek(one.offset)
                if handle.read(one.size) != data:
                    return ""
            for one, digest in zip(found[len(FIRST) :], volume, strict=True):
                handle.seek(one.offset)
                if Digest.of_stream(sliced(handle, one.size, path.name)) != digest:
                    return ""
            handle.seek(0)
            return Digest.of_stream(handle).sha256
    except (CudepotError, OSError):
        return ""  # writing it says what is wrong with the place


def _expected(head: Head, volume: Sequence[Digest]) -> list[tuple[str, int]]:
    own = [(name, len(data)) for name, data in zip(FIRST, head, strict=True)]
    return own + [(f"{OBJECTS}{one.sha256}", one.size) for one in volume]


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume whose manifest the site has signed, and whose members are those the manifest says.

    Attributes:
        number: which of the bundle's volumes it is, from 1.
        document, signature: the manifest as it is, and its signature.
        members: its objects.
    """

    path: Path
    number: int
    manifest: Manifest
    document: bytes
    signature: bytes
    members: tuple[Member, ...]

    @property
    def name(self) -> str:
        """What the bundle's manifest is called in the store."""
        return Digest.of(self.document).sha256


def open_volume(path: Path, verifier: Verifier | None) -> Volume:
    """Read the head of a volume; nothing in it is parsed before the signature was found good.

    Args:
        path: the file.
        verifier: trusts the site's key only; None looks at a bundle without trusting it.

    Raises:
        FormatError: cut, damaged, or not a bundle.
        TrustError: another site's.
    """
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path}: is not a plain file", hint="name the volumes of a bundle")
        with path.open("rb") as handle:
            found = list(itertools.islice(members(handle, str(path)), len(FIRST)))
            head = [_small(handle, one, path) for one in found]
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the bundle: {error.strerror}", hint="check the name") from error
    if [one.name for one in found] != list(FIRST):
        raise FormatError(f"{path}: does not begin like a bundle", hint=_HINT)
    document, signature, listed = head
    if verifier is not None:
        _check_signature(verifier, document, signature, path)
    manifest = parse_manifest(document, f"{path}: {MANIFEST}")
    objects = _objects(path, max(map(len, manifest.volumes), default=0))
    here = [(one.sha256, one.size) for one in objects]
    for number, volume in enumerate(manifest.volumes, 1):
        if here == [(one.sha256, one.size) for one in volume] and listed == sums(document, signature, volume):
            return Volume(path, number, manifest, document, signature, objects)
    raise FormatError(f"{path}: its members are not those of a volume of its manifest", hint=_HINT)


def _objects(path: Path, most: int) -> tuple[Member, ...]:
    """Return the members behind the head, and no more of them than the signed manifest has and one."""
    with storage_errors(path), path.open("rb") as handle:
        return tuple(itertools.islice(members(handle, str(path)), len(FIRST), len(FIRST) + most + 1))


def _small(handle: BinaryIO, member: Member, path: Path) -> bytes:
    if member.size > LIMITS.get(member.name, LIMITS[SIGNATURE]):
        raise FormatError(f"{path}: {member.name} has {member.size} bytes, which is implausible", hint=_HINT)
    handle.seek(member.offset)
    return handle.read(member.size)


def _check_signature(verifier: Verifier, document: bytes, signature: bytes, path: Path) -> None:
    try:
        verifier.detached(document, signature, f"{path}: {MANIFEST}")
    except TrustError as error:
        raise error.retold(f"not a bundle from the site this project mirrors: {error}") from error
    if not is_plain_armor(signature):
        raise FormatError(f"{path}: {SIGNATURE} was altered, although it still verifies", hint=_HINT)


def take(volume: Volume, store: LocalStore, progress: Progress) -> int:
    """Bring the objects of a volume into the store, each hashed on the way; return how many were new.

    Objects enter one by one and stay there when a later one is bad: nothing shows them before the snapshot is whole.

    Raises:
        TrustError: an object is not what its name says.
    """
    missing = [one for one in volume.members if not store.has(Digest(one.sha256, one.size))]
    progress.begin(f"reading {volume.path.name}", sum(one.size for one in missing), len(missing))
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            for _ in pool.map(lambda one: take_member(volume.path, one, store, progress), missing):
                pass
    finally:
        progress.end()
    return len(missing)


def take_member(path: Path, member: Member, store: LocalStore, progress: Progress) -> None:
    """Bring one object of a volume into the store, hashed on the way; raise TrustError where it is another."""
    with path.open("rb") as handle, store.part(Digest(member.sha256, member.size)) as part:
        part.restart()
        handle.seek(member.offset)
        left = member.size
        while left:
            chunk = handle.read(min(CHUNK, left))
            if not chunk:
                raise FormatError(f"{path}: cut short in {member.name}", hint=_HINT)
            part.write(chunk)
            left -= len(chunk)
            progress.advance(len(chunk))
        try:
            part.commit()
        except TrustError as error:
            raise error.retold(f"{path}: {member.name}: {error}") from error
    progress.advance(0, 1)
