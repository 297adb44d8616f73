"""What ``cudepot serve`` shows of a store: paths become digests by the snapshot that the pointer names.

It reads alone, and needs no key: clients check what they get as they do with any other server of the site.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from typing import NamedTuple

from anyio import to_thread

from cudepot.catalog.site.file_traits import traits
from cudepot.catalog.site.pointer import Channel, Pointer, Written, parse_pointer
from cudepot.catalog.site.snapshot import Tree
from cudepot.catalog.site_tops import CURRENT
from cudepot.digest import Digest, mismatch
from cudepot.errors import CudepotError, SiteError, StorageError
from cudepot.ports import Edition, Objects, Rank
from cudepot.sites.store.files import NOTHING, files_of
from cudepot.transport.shown import BESIDE, NOTHING_YET, Offer
from cudepot.transport.shown_objects import ObjectFile

EVERY = 1.0
"""Seconds for which a pointer is taken as it was read."""
KNOWN = 900.0
"""Seconds for which the last good pointer is used while a newer one cannot be read."""
_PATIENCE = 1.0  # seconds that a request waits for a newer pointer where a good one is known
_MOST = 1 << 29  # bytes of a document with the files of a snapshot


class _Files(NamedTuple):
    """The files of a snapshot, and the folders they are in."""

    tree: Tree
    folders: frozenset[str]


class StoreView:
    """What a channel shows; see :class:`cudepot.transport.shown.View`.

    A client that began an update before a switch still gets what is named after its content, or never changes, from
    the snapshot that was shown before.
    """

    def __init__(
        self, objects: Objects, files: _Files, before: _Files | None, since: int, beside: Tree = NOTHING
    ) -> None:
        self._objects, self._files, self._modified = objects, files, formatdate(since, usegmt=True)
        self._before, self._beside = before.tree if before else NOTHING, beside

    def is_folder(self, path: str) -> bool:
        """Return whether there is a folder."""
        return path in self._files.folders

    def file(self, path: str) -> ObjectFile | None:
        """Return a file; None where there is none."""
        if beside := self._beside.get(path):
            return ObjectFile(self._objects, beside, "")
        digest = self._files.tree.get(path) or self._left(path)
        return ObjectFile(self._objects, digest, self._modified) if digest else None

    def _left(self, path: str) -> Digest | None:
        digest = self._before.get(path)
        return digest if digest and traits(path).rank <= Rank.HASHED else None


class Current:
    """What the pointer says now: read once a second at most, by one at a time, while others go on with what is known.

    Args:
        objects: of the store.
        clock: seconds that only grow.
    """

    def __init__(self, objects: Objects, clock: Callable[[], float] = time.monotonic) -> None:
        self._objects, self._clock = objects, clock
        self._edition: Edition | None = None
        self._files: dict[int, tuple[Written, _Files]] = {}
        self._views: dict[str, StoreView] = {}
        self._tried = self._good = float("-inf")
        self._error: CudepotError | None = None
        self._lock, self._task = threading.Lock(), None  # type: tuple[threading.Lock, asyncio.Future[None] | None]

    async def views(self) -> Mapping[str, StoreView]:
        """Return what each channel shows; raise CudepotError when that is not known, or not for too long."""
        if self._is_due():
            if self._task is None or self._task.done():
                self._task = asyncio.ensure_future(to_thread.run_sync(self.refresh))
            await asyncio.wait({self._task}, timeout=_PATIENCE if self._is_known() else None)
        if not self._is_known():
            raise self._error or SiteError(f"{self._objects.pointer.where}: not read yet")
        return self._views

    def refresh(self) -> None:
        """Read the pointer and the snapshots it names, unless that was done just now; what fails is kept for later."""
        with self._lock:
            if not self._is_due():
                return
            try:
                self._load()
                self._error, self._good = None, self._clock()
            except CudepotError as error:
                self._error = error
            finally:
                self._tried = self._clock()

    def trouble(self) -> str:
        """Return why clients find no site just now; nothing where they do."""
        self.refresh()
        if self._error is not None:
            return "the store cannot be read"
        return "" if self._views.keys() - {BESIDE} else NOTHING_YET

    def _is_due(self) -> bool:
        return self._clock() - self._tried >= EVERY

    def _is_known(self) -> bool:
        return self._clock() - self._good < KNOWN

    def _load(self) -> None:
        document = self._objects.pointer
        edition = document.read(self._edition)
        if edition is not None and edition is self._edition:
            return
        pointer = parse_pointer(edition.body, document.where) if edition else Pointer()
        named = pointer.named()
        files = {number: self._loaded(number, pointer.snapshots[number]) for number in sorted(named)}
        self._views = {
            name: self._view(one, files, pointer.beside)
            for name, one in pointer.channels.items()
            if one.shows in pointer.snapshots
        }
        self._views[BESIDE] = StoreView(self._objects, _Files(NOTHING, frozenset()), None, 0, pointer.beside)
        self._files = {number: (pointer.snapshots[number], one) for number, one in files.items()}
        self._edition = edition

    def _view(self, one: Channel, files: Mapping[int, _Files], beside: Tree) -> StoreView:
        return StoreView(self._objects, files[one.shows], files.get(one.before), one.since, beside)

    def _loaded(self, number: int, one: Written) -> _Files:
        known = self._files.get(number)
        if known and known[0] == one:
            return known[1]
        like = next((files.tree for _, files in self._files.values()), NOTHING)
        tree = files_of(number, one, self._read, like)
        return _Files(tree, frozenset(_folders(tree)))

    def _read(self, digest: Digest) -> bytes:
        what = f"object {digest.sha256}"
        if digest.size > _MOST:
            raise StorageError(f"{what}: {digest.size} bytes are too many for a list of files")
        with self._objects.open(digest) as handle:
            data = handle.read(digest.size + 1)
        if (found := Digest.of(data)) != digest:
            raise mismatch(what, digest, found)
        return data


class ShownChannel:
    """A channel of the store's site; see :class:`cudepot.transport.shown.Shown`.

    Args:
        current: what the pointer says.
        names: of the channel; the first that shows something counts.
    """

    def __init__(self, current: Current, *names: str) -> None:
        self._current, self._names = current, names

    async def view(self) -> StoreView | None:
        """Return what is shown now; raise CudepotError when that is not known."""
        views = await self._current.views()
        return next((views[one] for one in self._names if one in views), None)


def offer(objects: Objects, channels: Sequence[str] = ()) -> Offer:
    """Return what a store shows in these channels; ``current`` is a second name of the last, as in a folder."""
    current = Current(objects)
    shown = {one: ShownChannel(current, one) for one in channels}
    last = ShownChannel(current, *channels[-1:], CURRENT)
    shown[BESIDE] = ShownChannel(current, BESIDE)
    return Offer(objects.pointer.where, {**shown, CURRENT: last} if channels else {"": last}, current.trouble)


def _folders(tree: Tree) -> set[str]:
    """Return all folders that files are in, the top among them."""
    found = {""}
    for path in tree:
        folder = path.rpartition("/")[0]
        while folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found
