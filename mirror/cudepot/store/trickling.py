"""Lets the disk take a large file while it is being written, instead of all of it at the end."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

_STEP = 32 << 20  # bytes between two times that the disk is given something


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
