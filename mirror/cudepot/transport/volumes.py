"""The volumes of a bundle as files: written under a name of their own until they are complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from cudepot.digest import hasher
from cudepot.disk import fsync_folder, storage_errors
from cudepot.errors import StorageError


def numbered(file: Path, count: int) -> list[Path]:
    """Return the names of the volumes of a bundle: ``NAME-001.tar`` …"""
    stem = file.name.removesuffix(".tar")
    return [file.with_name(f"{stem}-{number:03d}.tar") for number in range(1, count + 1)]


class VolumeFile:
    """A file that is hashed while it is written; ``sha256`` is known at the end."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor, self._hash = path, descriptor, hasher()

    def write(self, data: bytes) -> None:
        """Append bytes."""
        with storage_errors(self._path):
            left = memoryview(data)
            while left:
                left = left[os.write(self._descriptor, left) :]
        self._hash.update(data)

    @property
    def sha256(self) -> str:
        """Hash of all that was written."""
        return self._hash.hexdigest()


@contextlib.contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    """Tell what stands in the way of a file of that name: a folder, a file in place of a folder, a name too long."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written: {error.strerror}", hint="give the bundle another name or folder"
        ) from error


@contextlib.contextmanager
def volume_file(path: Path, mode: int = 0o644) -> Iterator[VolumeFile]:
    """Give a file to write; it appears at ``path`` when all of it is on the disk.

    Raises:
        StorageError: the disk is full, read-only or not permitted, or no file can have that name.
    """
    part = path.with_name(path.name + ".part")
    with _write_errors(path), storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)  # what a killed run left, or a link somebody put there
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        yield VolumeFile(part, descriptor)
        with _write_errors(path), storage_errors(path):
            os.fsync(descriptor)
            part.replace(path)
            fsync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    finally:
        os.close(descriptor)
