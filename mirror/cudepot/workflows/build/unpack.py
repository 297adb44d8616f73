"""Unpack the artifacts of one release into a scratch store and see what they are: the payload."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import tomli

from cudepot.catalog.ecosystems import SYSTEM_KINDS, ArtifactKind
from cudepot.catalog.lock import Artifact
from cudepot.catalog.nvidia.repackaged import lacking
from cudepot.depot.builds import Job
from cudepot.depot.depot import Workshop
from cudepot.digest import CHUNK, Digest, VerifyingReader, mismatch
from cudepot.disk import check_room, storage_errors
from cudepot.errors import ConfigError, StorageError
from cudepot.formats.archive import read_tar
from cudepot.formats.compression import compression_of
from cudepot.formats.deb import read_deb
from cudepot.formats.guarded import unpacked_limit
from cudepot.formats.members import Members
from cudepot.formats.payload import Found, Payload, PayloadRules, Role
from cudepot.formats.payload_assemble import MissingPartError, assemble
from cudepot.formats.payload_shipped import assemble_shipped
from cudepot.formats.rpm import read_rpm
from cudepot.formats.zip_read import MAGIC, read_zip
from cudepot.kinds.registry import kind_of
from cudepot.store.local import LocalStore

WITHOUT: frozenset[Role] = frozenset({Role.STATIC})
"""Roles that are left out where nothing wants them: static archives can be twice as large as all the rest."""
_BUT_LICENCE = frozenset(Role) - {Role.LICENCE}


def unpack(workshop: Workshop, job: Job, scratch: LocalStore, without: frozenset[Role] = WITHOUT) -> Payload:
    """Return the payload of a job less the files of some roles; its files are objects of ``scratch``.

    Raises:
        FormatError: an artifact is malformed or hostile, or does not hold what its name claims.
        PinError: the pins leave out a package of the release that is needed.
        TrustError: an artifact in the store is damaged.
    """
    rules = load_rules(workshop.recipes, job.recipe)
    workshop.progress.begin(f"unpacking {job}", sum(one.digest.size for one in job.artifacts))
    try:
        found = [one for artifact in job.artifacts for one in _found(workshop, artifact, rules, scratch, without)]
        found += [one for each in job.licences for one in _found(workshop, each, rules, scratch, _BUT_LICENCE)]
    finally:
        workshop.progress.end()
    try:
        return (assemble_shipped if rules.as_shipped else assemble)(job.release, found)
    except MissingPartError as error:
        if {one.kind for one in job.artifacts}.isdisjoint(SYSTEM_KINDS):
            raise
        folder = kind_of(workshop.config.upstream(job.artifacts[0].upstream)).locks.names_files
        raise lacking(job.artifacts, job.release, error.role, f"{job}: {error}", folder=folder) from error


def write_folder(payload: Payload, scratch: LocalStore, folder: Path) -> None:
    """Write a payload as plain files, as the recipes' ``CUDEPOT_PAYLOAD`` wants it.

    Raises:
        StorageError: the folder exists and is not empty, or the disk refuses.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StorageError(f"{folder}: not empty", hint="name a new folder")
    with storage_errors(folder):
        for file in payload.files:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.digest is None:
                target.symlink_to(file.link)
            else:
                with scratch.open(file.digest) as source, target.open("wb") as out:
                    shutil.copyfileobj(source, out, CHUNK)


def load_rules(recipes: Path, recipe: str) -> PayloadRules:
    """Return the payload rules of a recipe."""
    path = recipes / recipe / "payload.toml"
    try:
        return PayloadRules.from_dict(tomli.loads(path.read_text()))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}", hint="every recipe that repackages artifacts must have one") from error


def _found(
    workshop: Workshop, artifact: Artifact, rules: PayloadRules, scratch: LocalStore, without: frozenset[Role]
) -> Iterator[Found]:
    with workshop.store.open(artifact.digest) as handle:
        for member, stream in members(artifact, handle, workshop.progress.advance):
            claim = rules.claim(member.name)
            if claim is None or claim.role in without:
                continue
            if stream is None:
                yield Found(member.name, claim, link=member.link)
            else:
                check_room(scratch.root, member.size)
                yield Found(member.name, claim, scratch.add(chunks(stream)))


def members(artifact: Artifact, handle: BinaryIO, advance: Callable[[int], None]) -> Members:
    """Read an artifact by its kind; every byte of it is checked against the lock.

    What it may unpack to is bounded by what it has packed.
    """
    what, limit = artifact.filename, unpacked_limit(artifact.digest.size)
    if artifact.kind == ArtifactKind.WHEEL or handle.read(len(MAGIC)) == MAGIC:
        # A zip is read from its end and in parts, so its hash is checked before.
        handle.seek(0)
        found = Digest.of_stream(handle)
        if found != artifact.digest:
            raise mismatch(what, artifact.digest, found)
        handle.seek(0)
        return read_zip(io.BufferedReader(Counting(handle, advance), CHUNK), limit=limit, what=what)
    handle.seek(0)
    checked = VerifyingReader(cast(BinaryIO, Counting(handle, advance)), artifact.digest, what)
    stream = io.BufferedReader(checked, CHUNK)
    if artifact.kind in SYSTEM_KINDS:
        return {"deb": read_deb, "rpm": read_rpm}[artifact.kind](stream, limit=limit, what=what)
    return read_tar(stream, limit=limit, what=what, compression=compression_of(what))


class Counting(io.RawIOBase):
    """Passes a stream through and says how much went by."""

    def __init__(self, stream: BinaryIO, advance: Callable[[int], None]) -> None:
        super().__init__()
        self._stream, self._advance = stream, advance

    def readable(self) -> bool:
        """Return True: this is a reader."""
        return True

    def seekable(self) -> bool:
        """Return True: an object of the store is a file."""
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to another place; what is read there counts."""
        return self._stream.seek(offset, whence)

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill ``buffer`` and report the count."""
        count = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        self._advance(count)
        return int(count)

    def close(self) -> None:
        """Close the stream as well."""
        self._stream.close()
        super().close()


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Give the rest of a stream in pieces."""
    while chunk := stream.read(CHUNK):
        yield chunk
