"""All objects of a store at once: to count, hash and remove them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from cudepot.errors import StorageError
from cudepot.store.layout import OBJECTS
from cudepot.store.marks import Marks


class Held(NamedTuple):
    """Something in an object's place: where, under which name, its bytes, and whether it is on this machine."""

    place: str
    name: str
    size: int
    is_here: bool


class Holdings:
    """What stands in objects' places below a folder."""

    root: Path
    marks: Marks

    def objects(self) -> Iterator[Path]:
        """Give the path of every object, sorted by hash."""
        for folder in sorted(OBJECTS.at(self.root).iterdir()):
            if folder.is_dir() and not folder.is_symlink():
                yield from sorted(folder.iterdir())
            else:
                yield folder

    def stock(self, known: Mapping[str, int] = MappingProxyType({})) -> dict[str, int]:
        """Return the size of every object by sha256; of those ``known`` it is taken from there, not from the disk."""
        found: dict[str, int] = {}
        for path in self._folders():
            with os.scandir(path) as inside:
                for one in inside:
                    if one.is_file(follow_symlinks=False):
                        size = known.get(one.name)
                        found[one.name] = one.stat(follow_symlinks=False).st_size if size is None else size
        return found

    def _folders(self) -> list[str]:
        """Return the folders that objects may be in: that of all, for what was put there by hand, and those in it."""
        with os.scandir(OBJECTS.at(self.root)) as inside:
            return [str(OBJECTS.at(self.root)), *(one.path for one in inside if one.is_dir(follow_symlinks=False))]

    def counted(self) -> tuple[int, int]:
        """Return how many objects there are, and their bytes; at a monitor's pace, while others add and remove some."""
        count = size = 0
        for folder in _scanned(OBJECTS.at(self.root)):
            for one in _scanned(Path(folder.path)):
                with contextlib.suppress(FileNotFoundError):
                    count, size = count + 1, size + one.stat().st_size
        return count, size

    def due(self, unnamed: Iterable[str]) -> list[str]:
        """Return which objects :meth:`collect` would remove now; all of those but where there is a grace period."""
        return list(unnamed)

    def collect(self, unnamed: Iterable[str]) -> list[str]:
        """Remove objects that nothing names, and return the sha256 of those that went.

        Raises:
            StorageError: the disk refuses.
        """
        gone = set(unnamed)
        try:
            for path in [one for one in self.objects() if one.name in gone]:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"{error.filename}: cannot be removed: {error.strerror}", hint="check owner and mode of the store"
            ) from error
        return list(gone)

    def holdings(self) -> list[Held]:
        """Return everything that stands in an object's place."""
        return [Held(str(path), path.name, path.lstat().st_size, is_here=True) for path in self.objects()]

    def fault(self, held: Held) -> str:
        """Return what is wrong with an object, found by hashing it; empty where it is what its name says."""
        path = Path(held.place)
        if path.is_symlink() or not path.is_file():
            return f"object {path}: not a plain file: remove it"
        found = self.marks.hashed(held.place)
        return self.judged(held, found.sha256)

    def judged(self, held: Held, sha256: str) -> str:
        """Return what is wrong with an object that has this sha256; empty where that is its name."""
        if sha256 == held.name:
            return ""
        return f"object {held.place}: its content has sha256 {sha256}: remove it and run sync"

    def drop(self, place: str) -> str:
        """Remove a damaged object, by the place in :meth:`holdings`; return the name it had."""
        path = Path(place)
        path.unlink(missing_ok=True)
        return path.name


def _scanned(path: Path) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(OSError), os.scandir(path) as found:
        yield from found
