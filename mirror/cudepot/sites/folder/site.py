"""A site as a folder: every snapshot whole in a folder of its own, ``current`` a link that one rename switches.

Files are hard links of the store's objects: the row "publish 2,000 packages, hard links" of ``scripts/bench site``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from cudepot.catalog.site_tops import CURRENT, SHOWN, SNAPSHOTS
from cudepot.digest import Digest
from cudepot.disk import fsync_each, fsync_folder, storage_errors, takes_links, write_atomic
from cudepot.errors import MissingError, StorageError
from cudepot.paths import safe_name
from cudepot.ports import Needs, ObjectStore

_SHOWN = CURRENT
_CURRENT = re.compile(rf"{SNAPSHOTS}/([0-9]{{6}})")


class LinkedStore(ObjectStore, Protocol):
    """A store whose objects are files that can be put elsewhere as hard links."""

    def here(self, digest: Digest) -> str:
        """Return where the object is on this machine, or would be."""

    def brought(self, wanted: Iterable[Digest]) -> Iterator[Digest]:
        """Give objects one after the other, in order, each on this machine until the next is asked for."""

    def lacking(self, wanted: Iterable[Digest]) -> int:
        """Return how many bytes of objects are to come before they can be used here."""

    def place(self, digest: Digest, target: Path | str) -> None:
        """Put an object at a path: a hard link where possible, else a checked copy."""


class FolderSite:
    """The folder ``root`` with ``snapshots/000001/ …`` and ``current``; web servers show ``current``.

    One with channels has a link for each of them, and web servers show the folder itself. There ``current`` becomes a
    second name of the last channel as soon as that shows something, for clients from before there were channels.
    See :class:`cudepot.ports.Inspectable`.

    Args:
        root: the folder.
        store: where the objects come from.
        channels: names of its channels.
        name: of the link that this view of it is about.
    """

    readers = 4

    def __init__(self, root: Path, store: LinkedStore, channels: Sequence[str] = (), name: str = "") -> None:
        self.root, self._store, self._channels = root, store, tuple(channels)
        self._name = name or (channels[0] if channels else _SHOWN)

    def channel(self, name: str) -> FolderSite:
        """Return the same folder as a channel shows it."""
        return FolderSite(self.root, self._store, self._channels, name)

    @property
    def where(self) -> str:
        """What a web server has to show."""
        return str(self.root if self._channels else self.current_path)

    @property
    def current_path(self) -> Path:
        """What clients are shown."""
        return self.root / self._name

    def folder(self, number: int) -> Path:
        """Return where a snapshot lies, or would lie."""
        return self.root / SNAPSHOTS / f"{number:06d}"

    def current(self) -> int | None:
        """Return the number of the snapshot shown; None when there is none."""
        return self._number(self._name)

    def _number(self, link: str) -> int | None:
        try:
            target = str((self.root / link).readlink())
        except OSError:
            return None
        found = _CURRENT.fullmatch(target)
        if link == _SHOWN and target in self._channels:
            return self._number(target)
        return int(found[1]) if found and self.folder(int(found[1])).is_dir() else None

    def newest(self) -> int:
        """Return the highest number a snapshot lies here under; 0 when there is none."""
        return max((int(one.name) for one in self._folders()), default=0)

    def document(self, number: int) -> bytes:
        """Return the snapshot document that lies in a snapshot's folder; empty when there is none."""
        try:
            return (self.folder(number) / "snapshot.json").read_bytes()
        except OSError:
            return b""

    def _folders(self) -> list[Path]:
        parent = self.root / SNAPSHOTS
        return [one for one in parent.iterdir() if one.name.isdecimal()] if parent.is_dir() else []

    def write(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        """Write a snapshot completely, under a name of its own; nothing that is shown changes.

        Raises:
            StorageError: the disk is full, read-only or not permitted; the half-written folder is removed.
        """
        final, partial = self.folder(number), self.folder(number).with_suffix(".partial")
        with storage_errors(self.root):
            for left in self.root.glob(f"{SNAPSHOTS}/*.partial"):  # of runs that were killed
                shutil.rmtree(left, ignore_errors=True)
            if final.is_dir():
                self._mend(final, tree, extra)
                return
            try:
                self._fill(partial, tree, extra)
                partial.replace(final)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            fsync_folder(final.parent)

    def room(self, number: int, tree: Mapping[str, Digest]) -> tuple[str, int]:
        """Return the folder and the bytes it takes: all, but of files that get links those that are to come first."""
        first = next(iter(tree.values()), None)
        if first is None or self.folder(number).is_dir():
            return str(self.root), 0
        if takes_links(Path(self._store.here(first)).parent, self.root):
            return str(self.root), self._store.lacking(tree.values())
        return str(self.root), sum(one.size for one in tree.values())

    def _fill(self, partial: Path, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        partial.mkdir(parents=True)
        made = {""}
        for path, digest in zip(tree, self._store.brought(tree.values()), strict=True):
            name = safe_name(path)
            folder = name.rpartition("/")[0]
            if folder not in made:
                (partial / folder).mkdir(parents=True, exist_ok=True)
                made.add(folder)
            self._store.place(digest, f"{partial}/{name}")
        for path, data in extra.items():
            (partial / path).write_bytes(data)
            (partial / path).chmod(0o644)
        self._open_to_readers(partial)

    def _open_to_readers(self, snapshot: Path) -> None:
        """Let a web server read it, whatever the umask of the one who publishes, and make the names durable."""
        folders = [self.root, snapshot.parent, snapshot, *(one for one in snapshot.rglob("*") if one.is_dir())]
        for one in folders:
            one.chmod(0o755)
        fsync_each(folders)

    def mend(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        """Put right, from the store, what differs; withdraw what the store lacks: rather no file than a wrong one."""
        here = {path: digest for path, digest in tree.items() if self._store.has(digest)}
        with storage_errors(self.root):
            self._mend(self.folder(number), here, extra)

    def _mend(self, folder: Path, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        """Make a folder hold exactly these files, one rename each, so that it can be shown meanwhile."""
        for path in [one for one in self._below(folder) if one not in tree and one not in extra]:
            (folder / path).unlink()
        lacking = {path: digest for path, digest in tree.items() if not self._same(folder / path, digest)}
        for path, digest in zip(lacking, self._store.brought(lacking.values()), strict=True):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            temp = target.with_name(f".{target.name}.new")
            temp.unlink(missing_ok=True)
            self._store.place(digest, temp)
            temp.replace(target)
        for path, data in extra.items():
            if not (folder / path).is_file() or (folder / path).read_bytes() != data:
                write_atomic(folder / path, data)
        self._open_to_readers(folder)

    def switch(self, number: int) -> None:
        """Show a snapshot that was written before: one rename, so a client sees the old or the new one."""
        if not self.folder(number).is_dir():
            raise StorageError(f"{self.folder(number)}: no such snapshot", hint="run `cudepot publish`")
        with storage_errors(self.root):
            self._point(self._name, Path(SNAPSHOTS) / self.folder(number).name)
            if [self._name] == list(self._channels[-1:]) and not self._is_second(self._name):
                self._point(_SHOWN, Path(self._name))
            fsync_folder(self.root)

    def _is_second(self, channel: str) -> bool:
        """Return whether ``current`` is a second name of a channel already."""
        link = self.root / _SHOWN
        return link.is_symlink() and link.readlink() == Path(channel)

    def _point(self, link: str, target: Path) -> None:
        temp = self.root / f".{link}.new"
        temp.unlink(missing_ok=True)
        temp.symlink_to(target)
        temp.replace(self.root / link)

    def prune(self, keep: int) -> list[int]:
        """Remove all but the newest ``keep`` snapshots (never one that is shown) and return their numbers."""
        found = sorted((int(one.name) for one in self._folders()), reverse=True)
        shown = {self._number(one) for one in (_SHOWN, *self._channels)}
        gone = [number for number in found[keep:] if number not in shown]
        for number in gone:
            shutil.rmtree(self.folder(number), ignore_errors=True)
        return gone

    def needs(self) -> Needs:
        """Return nothing: its files are its own."""
        return Needs()

    def announce(self, files: Mapping[str, bytes]) -> None:
        """Write small files beside the channels, or next to what is shown: each by one rename, none for nothing."""
        if not self._channels and self.current() is None:
            raise StorageError(f"{self.current_path}: nothing is shown yet", hint="run `cudepot publish`")
        with storage_errors(self.root):
            for path, data in files.items():
                if self.announced(path) != data:
                    file = self._beside / safe_name(path)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    write_atomic(file, data)

    def announced(self, path: str) -> bytes:
        """Return such a file; empty where there is none."""
        file = self._beside / safe_name(path)
        return file.read_bytes() if file.is_file() else b""

    @property
    def _beside(self) -> Path:
        """Where files are that belong to no snapshot."""
        return self.root if self._channels else self.current_path

    def files(self, number: int) -> Iterator[str]:
        """Give the relative path of everything in a snapshot's folder that is not a folder itself."""
        yield from self._below(self.folder(number))

    def _below(self, folder: Path) -> list[str]:
        found = sorted(one for one in folder.rglob("*") if one != folder / SHOWN)
        return [str(one.relative_to(folder)) for one in found if one.is_symlink() or not one.is_dir()]

    def open(self, number: int, path: str) -> BinaryIO:
        """Open a file of a snapshot; raise MissingError when it is not there, or not a plain file."""
        file = self.folder(number) / safe_name(path)
        if file.is_symlink() or not file.is_file():
            raise MissingError(f"{file}: missing, or not a plain file", hint="run `cudepot publish`")
        return file.open("rb")

    def linked(self, number: int, path: str, digest: Digest) -> bool:
        """Return whether the file shares its inode with the store's object."""
        return self._same(self.folder(number) / safe_name(path), digest)

    def _same(self, file: Path, digest: Digest) -> bool:
        plain = not file.is_symlink() and file.is_file()
        here = Path(self._store.here(digest))
        return plain and here.exists() and file.samefile(here) and self._store.has(digest)
