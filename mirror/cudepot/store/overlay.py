"""A store for dry runs: reads what another store holds, and keeps what is new in a folder that is thrown away."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.digest import Digest, Promise
from cudepot.store.layout import LAYOUT, TMP, Dry
from cudepot.store.local import LocalStore

if TYPE_CHECKING:
    from cudepot.ports import Document


class Overlay(LocalStore):
    """Looks like ``below`` to whoever reads; nothing of ``below`` changes.

    Args:
        below: the store underneath.
        root: an empty folder, on the same file system where that can be written to.
    """

    def __init__(self, below: LocalStore, root: Path) -> None:
        self._below = below
        super().__init__(root, create=True, durable=False)
        for entry in LAYOUT:
            if entry.dry is Dry.LINK:
                self.at(entry).symlink_to(below.at(entry))
            elif entry.dry is Dry.COPY and below.at(entry).exists():
                _copy(below.at(entry), self.at(entry))

    @property
    def pointer(self) -> Document:
        """What the site shows, as the store below has it: a dry run switches nothing."""
        return self._below.pointer

    def has(self, digest: Digest) -> bool:
        """Return whether the object is in either store."""
        return self._below.has(digest) or super().has(digest)

    def is_marked(self, digest: Digest) -> bool:
        """Return whether one of the stores has the object, and need not hash it to know."""
        return self._below.is_marked(digest) or super().is_marked(digest)

    def is_damaged(self, digest: Digest) -> bool:
        """Return whether the store below has other bytes in the object's place, and this one has none."""
        return self._below.is_damaged(digest) and not self.has(digest)

    def bring(self, wanted: Iterable[Digest]) -> None:
        """Have objects on this machine that will be used at once."""
        self._below.bring(wanted)

    def brought(self, wanted: Iterable[Digest]) -> Iterator[Digest]:
        """Give objects one after the other, each on this machine until the next is asked for."""
        yield from self._below.brought(wanted)

    def known_as(self, promise: Promise) -> Digest | None:
        """Return what was found to keep a promise, in this run or before."""
        return super().known_as(promise) or self._below.known_as(promise)

    def name(self, digest: Digest) -> str:
        """Return where the object is, or would be, as text."""
        return self._below.name(digest) if self._below.has(digest) else super().name(digest)


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, target)
        return
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for folder in (target, *(one for one in target.rglob("*") if one.is_dir())):
        folder.chmod(0o755)  # that of a read-only store is copied with its mode


@contextlib.contextmanager
def dry_run(store: LocalStore) -> Iterator[Overlay]:
    """Give an overlay over ``store``; it is gone afterwards."""
    place = store.at(TMP)
    with tempfile.TemporaryDirectory(dir=place if os.access(place, os.W_OK) else None, prefix="dry-") as folder:
        yield Overlay(store, Path(folder))
