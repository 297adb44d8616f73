"""An object on its way into the store; one writer at a time has it, whatever thread or process that is."""

from __future__ import annotations

import fcntl
import os
from io import FileIO
from typing import TYPE_CHECKING

from cudepot.digest import CHUNK, Digest, hasher, mismatch
from cudepot.disk import storage_errors
from cudepot.store.layout import PARTS

if TYPE_CHECKING:
    from cudepot.store.local import LocalStore


class LocalPart:
    """See :class:`cudepot.ports.Part`. Written without a buffer: chunks are large.

    Whoever wants a part that another writer has waits for it, and finds the object complete then: its size is the
    promised one, and there is nothing to write.
    """

    def __init__(self, store: LocalStore, digest: Digest) -> None:
        self._store, self._digest = store, digest
        self.path = f"{PARTS.at(store.root)}/{digest.sha256}"
        self._hash, self.size = hasher(), 0
        with storage_errors(self.path):
            self._file = _opened(self.path)
        try:
            self._here = store.has(digest)
            if self._here:
                self.size = digest.size
            elif os.fstat(self._file.fileno()).st_size:
                self._resume()
        except BaseException:
            self._file.close()
            raise

    def _resume(self) -> None:
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            self._hash.update(chunk)
            self.size += len(chunk)
        if self.size > self._digest.size:
            self.restart()

    def write(self, chunk: bytes) -> None:
        """Append bytes; raise TrustError as soon as they are more than promised."""
        if self.size + len(chunk) > self._digest.size:
            found = Digest(self._hash.hexdigest(), self.size + len(chunk))
            self.restart()
            raise mismatch(f"object {self._digest.sha256[:12]}… (more bytes than promised)", self._digest, found)
        with storage_errors(self.path):
            written = self._file.write(chunk)
            while written < len(chunk):  # a disk that is nearly full takes a part
                written += self._file.write(chunk[written:])
        self._hash.update(chunk)
        self.size += len(chunk)

    def cut(self, size: int) -> None:
        """Keep the first ``size`` bytes of what has arrived."""
        if size <= 0:
            self.restart()
        elif size < self.size:
            self._file.truncate(size)
            self._hash, self.size = hasher(), 0
            self._resume()

    def restart(self) -> None:
        """Forget what has arrived."""
        self._file.seek(0)
        self._file.truncate()
        self._hash, self.size, self._here = hasher(), 0, False

    def commit(self) -> None:
        """Check length and hash, and move the file to the object's place; nothing is left to do where it is there."""
        with storage_errors(self.path):
            if self._here:
                os.unlink(self.path)  # noqa: PTH108 - thousands a second
                return
        found = Digest(self._hash.hexdigest(), self.size)
        if found != self._digest:
            self.restart()
            raise mismatch(f"object {self._digest.sha256[:12]}…", self._digest, found)
        with storage_errors(self.path):
            self._store.seal(self._file, self.path, self._digest, settle=False)

    def close(self) -> None:
        """Let the next writer have the part."""
        self._file.close()


def _opened(path: str) -> FileIO:
    """Open a part for this writer alone.

    The lock is on the file: while it was waited for, the file may have become the object, which nobody may write to.
    """
    while True:
        file = _appending(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(path, file):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _appending(path: str) -> FileIO:
    try:
        return open(path, "a+b", buffering=0)  # noqa: PTH123 - thousands a second
    except PermissionError:
        _make_writable(path)
        return open(path, "a+b", buffering=0)  # noqa: PTH123


def _make_writable(path: str) -> None:
    """Take back the read-only mode of a part whose writer was killed just before it became an object."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        fcntl.flock(file, fcntl.LOCK_EX)
        if _is_at(path, file):
            os.fchmod(file.fileno(), 0o644)


def _is_at(path: str, file: FileIO) -> bool:
    """Return whether a name still leads to an open file."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))  # noqa: PTH116
    except FileNotFoundError:
        return False
