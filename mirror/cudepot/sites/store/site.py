"""A site that is its store: objects and snapshots are there, and a pointer says which snapshot a channel shows.

Writing a snapshot adds the few files that are not in its tree; a switch is one write of the pointer, whatever the size
of the site (``docs/adr/0062``). ``cudepot serve`` shows it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

from cudepot.catalog.site.pointer import DOCUMENT, Pointer, Written, rendered_files
from cudepot.catalog.site_tops import CURRENT
from cudepot.digest import Digest
from cudepot.errors import BusyError, MissingError, StorageError
from cudepot.ports import Needs
from cudepot.sites.store.files import files_of, own_tree
from cudepot.sites.store.pointer_file import PointerFile
from cudepot.store.local import LocalStore


class StoreSite:
    """What a store shows; see :class:`cudepot.ports.Inspectable`.

    Args:
        file: the pointer.
        store: where the objects are.
        channels: names of its channels.
        name: of the channel that this view of it is about.
        clock: seconds since 1970.
    """

    readers = 4

    def __init__(
        self,
        file: PointerFile,
        store: LocalStore,
        channels: Sequence[str] = (),
        name: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file, self._store, self._channels, self._clock = file, store, tuple(channels), clock
        self._name = name or (channels[0] if channels else CURRENT)
        self._told: tuple[int | None, ...] = ()
        self._files: dict[int, tuple[Written, dict[str, Digest]]] = {}
        self._views: dict[str, StoreSite] = {self._name: self}

    def channel(self, name: str) -> StoreSite:
        """Return the same site as a channel shows it."""
        if name not in self._views:
            self._views[name] = StoreSite(self._file, self._store, self._channels, name, self._clock)
            self._views[name]._views = self._views
        return self._views[name]

    @property
    def where(self) -> str:
        """The pointer: a file, or an object of a bucket."""
        return self._file.where

    def current(self) -> int | None:
        """Return the number of the snapshot shown; None when there is none."""
        self._told = (self._file.read().shows(self._name),)
        return self._told[0]

    def newest(self) -> int:
        """Return the highest number a snapshot was ever written under; 0 when there is none."""
        return self._file.read().newest

    def document(self, number: int) -> bytes:
        """Return the document of a snapshot that was written; empty when there is none, or the store lost it."""
        one = self._file.read().snapshots.get(number)
        digest = one.extra.get(DOCUMENT) if one else None
        if digest is None:
            return b""
        kept = self._store.snapshots.document(number)  # the same bytes, and certainly on this machine
        return kept if kept and Digest.of(kept) == digest else self._store.find(digest) or b""

    def write(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        """Add what the store lacks of a snapshot, and note it in the pointer; nothing that is shown changes.

        Raises:
            StorageError: an object is not in the store, or the disk or the server refuses.
            BusyError: another machine changed the store meanwhile.
        """
        if lost := next((path for path, one in tree.items() if not self._store.has(one)), ""):
            raise StorageError(f"{lost} of snapshot {number} is not in the store", hint="run `cudepot verify`")
        self._write(number, tree, extra)

    def _write(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        known = own_tree(extra.get(DOCUMENT, b""), number)
        more = {path: one for path, one in tree.items() if known.get(path) != one}
        added = {path: self._store.add_bytes(data) for path, data in extra.items()}
        one = Written(added, self._store.add_bytes(rendered_files(more)) if more else None)
        self._store.checkpoint()
        self._file.change(lambda pointer: pointer.with_written(number, one, self._clock()))

    def room(self, number: int, tree: Mapping[str, Digest]) -> tuple[str, int]:  # noqa: ARG002
        """Return the store's folder, and nothing: no file of the tree is written again."""
        return str(self._store.root), 0

    def switch(self, number: int) -> None:
        """Show a snapshot that was written: one write of the pointer.

        Raises:
            StorageError: there is none of that number.
            BusyError: another machine switched this channel since :meth:`current` was asked.
        """
        self._file.change(lambda pointer: self._switched(pointer, number))
        self._told = (number,)

    def _switched(self, pointer: Pointer, number: int) -> Pointer:
        if number not in pointer.snapshots:
            raise StorageError(f"{self.where}: no such snapshot: {number}", hint="run `cudepot publish`")
        shows = pointer.shows(self._name)
        if self._told and shows not in (*self._told, number):
            raise BusyError(
                f"{self.where}: another machine made {self._name} show snapshot {shows} meanwhile",
                hint="run the command again: it begins with what that one made",
            )
        return pointer.switched(self._name, number, self._clock())

    def prune(self, keep: int) -> list[int]:
        """Forget all but the newest ``keep`` snapshots and those that a channel shows, or showed before."""
        gone: list[int] = []

        def pruned(pointer: Pointer) -> Pointer:
            named = pointer.named()
            gone[:] = [one for one in sorted(pointer.snapshots, reverse=True)[keep:] if one not in named]
            return pointer.without(gone)

        self._file.change(pruned)
        return gone

    def needs(self) -> Needs:
        """Return the snapshots that can be shown, and the files beside their trees."""
        pointer = self._file.read()
        why = dict.fromkeys(pointer.snapshots, "on the site") | pointer.named()
        written = pointer.snapshots.values()
        own = [*pointer.beside.values(), *(digest for one in written for digest in one.extra.values())]
        return Needs(list(why.items()), [*own, *(one.more for one in written if one.more)])

    def announce(self, files: Mapping[str, bytes]) -> None:
        """Add small files to the store, and note them in the pointer, next to the channels."""
        added = {path: self._store.add_bytes(data) for path, data in files.items()}
        self._store.checkpoint()
        self._file.change(lambda pointer: replace(pointer, beside={**pointer.beside, **added}))

    def announced(self, path: str) -> bytes:
        """Return such a file; empty where there is none, or it was lost."""
        digest = self._file.read().beside.get(path)
        return self._store.find(digest) or b"" if digest else b""

    def files(self, number: int) -> Iterator[str]:
        """Give the path of every file of a snapshot that the store has."""
        yield from (path for path, one in self._of(number).items() if self._store.has(one))

    def open(self, number: int, path: str) -> BinaryIO:
        """Open a file of a snapshot; raise MissingError when it is not there, or damaged."""
        digest = self._of(number).get(path)
        if digest is None or not self._store.has(digest):
            raise MissingError(f"{self.where}: {path} of snapshot {number} is missing", hint="run `cudepot publish`")
        return self._store.open(digest)

    def linked(self, number: int, path: str, digest: Digest) -> bool:
        """Return whether the file is this object of the store, which has it."""
        return self._of(number).get(path) == digest and self._store.has(digest)

    def mend(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        """Make a snapshot name exactly these files again; what the store lacks is no file until the store has it."""
        self._write(number, tree, extra or self._kept(number))

    def _kept(self, number: int) -> dict[str, bytes]:
        one = self._file.read().snapshots.get(number)
        found = {path: self._store.find(digest) for path, digest in one.extra.items()} if one else {}
        return {path: data for path, data in found.items() if data is not None}

    def _of(self, number: int) -> Mapping[str, Digest]:
        """Return every file of a snapshot; those that are still to be read, where what says so is lost."""
        one = self._file.read().snapshots.get(number)
        if one is None:
            return {}
        known = self._files.get(number)
        if known is None or known[0] != one:
            document = one.extra.get(DOCUMENT)

            def read(digest: Digest) -> bytes:
                return (self.document(number) if digest == document else self._store.find(digest)) or b"{}"

            known = self._files[number] = (one, files_of(number, one, read))
        return known[1]
