"""Writing to a local disk so that a crash leaves old or new, and so that its refusals say what to do."""

import contextlib
import errno
import os
import tempfile
from typing import Iterable, Iterator, Optional

from cudepot_far.errors import StorageError

_HINTS = {
    errno.ENOSPC: "free some space and run the command again: it resumes",
    errno.EDQUOT: "the quota is used up: free some space and run the command again",
    errno.EFBIG: "the file size limit (ulimit -f, or the file system's) is too low",
    errno.EROFS: "the file system is mounted read-only",
    errno.EACCES: "check the owner and mode of the folder",
    errno.EPERM: "check the owner and mode of the folder",
    errno.EIO: "the disk has a fault: look at the system's log",
}


def refusal(error: OSError, path: str) -> Optional[StorageError]:
    """Return what to tell of an error of the disk; None for one that is none."""
    if error.errno not in _HINTS:
        return None
    return StorageError(f"{error.filename or path}: {error.strerror}", _HINTS[error.errno])


@contextlib.contextmanager
def storage_errors(path: str) -> Iterator[None]:
    """Turn the disk's refusals into StorageError; other OSErrors pass."""
    try:
        yield
    except OSError as error:
        told = refusal(error, path)
        if told is None:
            raise
        raise told from error


def make_folders(path: str) -> None:
    """Make a folder and those above it, where they are missing."""
    os.makedirs(path, exist_ok=True)


def fsync(path: str) -> None:
    """Make a file durable, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_each(paths: Iterable[str]) -> None:
    """Make files and folders durable."""
    for one in paths:
        fsync(one)


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def write_atomic(path: str, data: bytes, mode: int = 0o644) -> None:
    """Write a file by temp file, fsync and rename, so that a reader sees old or new, never half.

    Raises:
        StorageError: the disk is full, read-only or not permitted.
    """
    folder = os.path.dirname(path) or "."
    with storage_errors(path):
        make_folders(folder)
        handle, temp = tempfile.mkstemp(prefix=".tmp-", dir=folder)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.fchmod(out.fileno(), mode)
                os.fsync(out.fileno())
            os.replace(temp, path)
        except BaseException:
            remove(temp)
            raise
        fsync(folder)
