"""The mark of an object that was hashed: the microseconds of its file's last change, made from its name.

A name and a size prove nothing. Whoever writes to the file changes that time, and the mark is gone; a file that came
some other way (a copy, a backup, a store of an earlier cudepot) never had it. Such an object is hashed before it is
used. Seconds stay as they are: web servers tell them to clients.
"""

from __future__ import annotations

import contextlib
import errno
import os

from cudepot.digest import Digest

_SECOND = 1_000_000  # microseconds: what file systems of today keep, and those of Windows servers


class Marks:
    """Which files are known to hold what their names say.

    Args:
        quick: take a file without a mark at its name and size: for verbs that only look.
    """

    def __init__(self, *, quick: bool = False) -> None:
        self._known: dict[tuple[str, int, int], bool] = {}
        self._kept = not quick

    def holds(self, about: os.stat_result, sha256: str) -> bool:
        """Return whether the file described by ``about`` carries the mark of ``sha256``."""
        return about.st_mtime_ns // 1000 % _SECOND == _mark(sha256)

    def put(self, file: int | str, about: os.stat_result, sha256: str) -> None:
        """Mark a file (an open one or a path) that was hashed.

        Raises:
            OSError: it belongs to somebody else, or the disk is read-only.
        """
        whole = about.st_mtime_ns // 1_000_000_000 * 1_000_000_000
        os.utime(file, ns=(about.st_atime_ns, whole + _mark(sha256) * 1000))

    def proved(self, path: str, digest: Digest) -> bool:
        """Return whether a file without a mark holds what its name says, by hashing it once; then mark it.

        Where marks are not kept (a read-only disk, or a file system that knows whole seconds only) the size has to do
        after the first one: hashing all of a store again for each run would take hours.
        """
        if not self._kept:
            return True
        try:
            about = os.stat(path)  # noqa: PTH116
            key = (path, about.st_ino, about.st_mtime_ns)
            if key not in self._known:
                self._known[key] = self.hashed(path) == digest
            return self._known[key]
        except OSError:
            return False

    def hashed(self, path: str) -> Digest:
        """Return what a file holds, and mark it where that is what its name says."""
        with open(path, "rb") as handle:  # noqa: PTH123
            about = os.fstat(handle.fileno())
            found = Digest.of_stream(handle)
            if found.sha256 == os.path.basename(path) and not self.holds(about, found.sha256):  # noqa: PTH119
                self._remember(handle.fileno(), about, found)
        return found

    def _remember(self, file: int, about: os.stat_result, found: Digest) -> None:
        now = os.fstat(file)
        if (now.st_mtime_ns, now.st_size) != (about.st_mtime_ns, found.size):
            return  # it was written to meanwhile
        with contextlib.suppress(PermissionError):  # another user's: it is hashed once a run
            try:
                self.put(file, about, found.sha256)
                self._kept = self.holds(os.fstat(file), found.sha256)
            except OSError as error:
                if error.errno != errno.EROFS:
                    raise
                self._kept = False


def _mark(sha256: str) -> int:
    return int(sha256[:5], 16) % _SECOND
