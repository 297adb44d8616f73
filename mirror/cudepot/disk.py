"""Writing to a local disk so that a crash leaves old or new, and so that its refusals are told as such."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cudepot.errors import StorageError


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the disk's refusals into StorageError that says what to do; other OSErrors pass."""
    hints = {
        errno.ENOSPC: "free some space and run the command again: what has arrived is kept",
        errno.EDQUOT: "the quota is used up: free some space and run the command again",
        errno.EFBIG: "the file size limit (ulimit -f, or the file system's) is too low",
        errno.EROFS: "the file system is mounted read-only",
        errno.EACCES: "check the owner and mode of the folder",
        errno.EPERM: "check the owner and mode of the folder",
    }
    try:
        yield
    except OSError as error:
        if error.errno not in hints:
            raise
        raise StorageError(f"{error.filename or path}: {os.strerror(error.errno)}", hint=hints[error.errno]) from error


def fsync_folder(path: Path) -> None:
    """Make renames inside ``path`` durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write ``data`` to ``path`` by temp file, fsync and rename, so that a reader sees old or new, never half.

    Raises:
        StorageError: the disk is full, read-only or not permitted.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temp = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.fchmod(out.fileno(), mode)
                os.fsync(out.fileno())
            Path(temp).replace(path)
        except BaseException:
            Path(temp).unlink(missing_ok=True)
            raise
        fsync_folder(path.parent)


def append(path: Path, text: str) -> None:
    """Add ``text`` to the end of a log and make it durable; nothing to add leaves the file alone.

    Raises:
        StorageError: the disk is full, read-only or not permitted.
    """
    if not text:
        return
    with storage_errors(path), path.open("a", encoding="utf-8") as log:
        log.write(text)
        log.flush()
        os.fsync(log.fileno())
