"""The working copy of objects of a bucket: what was read or made on this machine; any of it may go."""

from __future__ import annotations

from pathlib import Path

from cudepot.digest import Digest
from cudepot.store.local import LocalStore
from cudepot.store.marks import Marks
from cudepot.stores.s3.there import There


class Cache(LocalStore):
    """The objects in a folder, and nothing but them.

    Args:
        root: of the store that works in it.
        marks: that store's.
        durable: see :class:`~cudepot.store.local.LocalStore`.
    """

    def __init__(self, root: Path, marks: Marks, *, durable: bool = True) -> None:
        super().__init__(root, durable=durable)
        self.marks = marks

    def trim(self, limit: int | None, there: There) -> None:
        """Remove what was read longest ago until ``limit`` bytes are left; only what the bucket has.

        What a site in a folder shows shares its room with the cache, and stays.
        """
        if limit is None:
            return
        found = [(path, path.lstat()) for path in self.objects() if path.is_file() and not path.is_symlink()]
        taken = sum(about.st_size for _, about in found)
        for path, about in sorted(found, key=lambda one: one[1].st_atime_ns):
            if taken <= limit:
                return
            if about.st_nlink == 1 and there.holds(Digest(path.name, about.st_size)):
                path.unlink(missing_ok=True)
                taken -= about.st_size
