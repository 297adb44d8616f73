"""Writing to a local disk so that a crash leaves old or new, and so that its refusals are told as such."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from cudepot.errors import StorageError

_STEP = 32 << 20


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


class Trickling:
    """A large file being written, whose bytes go to the disk meanwhile instead of all at the end.

    The disk is often slower than what makes the bytes; a refusal of it is raised by the next :meth:`write` or by
    :meth:`settle`: a later fsync of the same file would not repeat it.

    Args:
        file: a seekable binary file.
        pool: a thread that waits for the disk.
    """

    def __init__(self, file: BinaryIO, pool: ThreadPoolExecutor) -> None:
        self._file, self._pool = file, pool
        self._fresh, self._syncing = 0, Future[None]()
        self._syncing.set_result(None)
        self.seek, self.tell = file.seek, file.tell

    def write(self, data: bytes) -> int:
        """Write all of ``data``."""
        self._fresh += len(data)
        if self._fresh >= _STEP and self._syncing.done():
            self._syncing.result()
            self._fresh, self._syncing = 0, self._pool.submit(os.fdatasync, self._file.fileno())
        return self._file.write(data)

    def settle(self) -> Future[None]:
        """Hand the rest to the disk; the result tells when it has all and did not refuse."""
        self._file.flush()
        self._syncing.result()
        return self._pool.submit(os.fsync, self._file.fileno())
