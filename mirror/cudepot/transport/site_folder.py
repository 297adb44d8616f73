"""A site as a folder: every snapshot whole in a folder of its own, ``current`` a link that one rename switches."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from cudepot.digest import Digest
from cudepot.disk import fsync_folder, storage_errors
from cudepot.errors import StorageError

Place = Callable[[Digest, Path], None]
"""Puts an object's bytes at a path: a hard link, or a copy where links do not reach."""


class FolderSite:
    """The folder ``root`` with ``snapshots/000001/ …`` and ``current``; web servers show ``current``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def current_path(self) -> Path:
        """What a web server shows."""
        return self.root / "current"

    def folder(self, number: int) -> Path:
        """Return where a snapshot lies, or would lie."""
        return self.root / "snapshots" / f"{number:06d}"

    def current(self) -> int | None:
        """Return the number of the snapshot shown; None when there is none."""
        try:
            name = self.current_path.readlink().name
        except OSError:
            return None
        return int(name) if name.isdigit() and self.folder(int(name)).is_dir() else None

    def write(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes], place: Place) -> None:
        """Write a snapshot completely, under a name of its own; nothing that is shown changes.

        Args:
            number: of the snapshot.
            tree: path → content.
            extra: path → bytes of small files outside the tree (the snapshot's own document and signature).
            place: puts an object at a path.

        Raises:
            StorageError: the disk is full, read-only or not permitted; the half-written folder is removed.
        """
        final, partial = self.folder(number), self.folder(number).with_suffix(".partial")
        with storage_errors(self.root):
            shutil.rmtree(partial, ignore_errors=True)
            try:
                self._fill(partial, tree, extra, place)
                if final.exists():
                    shutil.rmtree(final)
                partial.replace(final)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            fsync_folder(final.parent)

    def _fill(self, partial: Path, tree: Mapping[str, Digest], extra: Mapping[str, bytes], place: Place) -> None:
        partial.mkdir(parents=True)
        folders = {partial}
        for path, digest in tree.items():
            target = partial / path
            if target.parent not in folders:
                target.parent.mkdir(parents=True, exist_ok=True)
                folders.add(target.parent)
            place(digest, target)
        for path, data in extra.items():
            (partial / path).write_bytes(data)
        for folder in folders:
            fsync_folder(folder)

    def switch(self, number: int) -> None:
        """Show a snapshot that was written before: one rename, so a client sees the old or the new one."""
        if not self.folder(number).is_dir():
            raise StorageError(f"{self.folder(number)}: no such snapshot", hint="run `cudepot publish`")
        with storage_errors(self.root):
            temp = self.root / ".current.new"
            temp.unlink(missing_ok=True)
            temp.symlink_to(Path("snapshots") / self.folder(number).name)
            temp.replace(self.current_path)
            fsync_folder(self.root)

    def prune(self, keep: int) -> list[int]:
        """Remove all but the newest ``keep`` snapshots (never the one shown) and return their numbers."""
        found = sorted(
            (int(one.name) for one in (self.root / "snapshots").iterdir() if one.name.isdigit()), reverse=True
        )
        gone = [number for number in found[keep:] if number != self.current()]
        for number in gone:
            shutil.rmtree(self.folder(number), ignore_errors=True)
        return gone
