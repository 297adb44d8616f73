"""A folder, or links in it, as ``cudepot serve`` shows them: a link is followed once a request."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from pathlib import Path

from starlette.responses import FileResponse, Response

from cudepot.transport.shown import BESIDE, CURRENT, NOTHING_YET, Offer

YOUNG = 2.0
"""Seconds a file has no Last-Modified: a date of one-second resolution cannot tell it from its successor."""


class _Response(FileResponse):
    chunk_size = 1 << 20


class FolderFile:
    """A file of a folder; see :class:`cudepot.transport.shown.File`."""

    def __init__(self, path: Path, about: os.stat_result, now: float) -> None:
        self._path, self._about = path, about
        self.etag = f'"{about.st_ino:x}-{about.st_mtime_ns:x}-{about.st_size:x}"'
        self.modified = "" if now - about.st_mtime < YOUNG else formatdate(about.st_mtime, usegmt=True)

    def answer(self, headers: Mapping[str, str], media_type: str) -> Response:
        """Return the answer with all of it, or the ranges that are asked for."""
        found = _Response(self._path, 200, headers, media_type, stat_result=self._about)
        if not self.modified:
            del found.headers["last-modified"]
        return found


class FolderView:
    """A folder; see :class:`cudepot.transport.shown.View`."""

    def __init__(self, root: Path, clock: Callable[[], float]) -> None:
        self._root, self._clock = root, clock

    def is_folder(self, path: str) -> bool:
        """Return whether there is a folder."""
        return _is_folder(self._root / path)

    def file(self, path: str) -> FolderFile | None:
        """Return a plain file that is in the folder itself, wherever links lead."""
        try:
            file = (self._root / path).resolve(strict=True)
            about = file.stat()
        except OSError:
            return None
        if not file.is_relative_to(self._root) or not stat.S_ISREG(about.st_mode):
            return None
        return FolderFile(file, about, self._clock())


class ShownFolder:
    """A folder, or a link to one that may be switched at any moment; see :class:`cudepot.transport.shown.Shown`."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path, self._clock = path, clock

    async def view(self) -> FolderView | None:
        """Return what is shown now."""
        return FolderView(self.path.resolve(), self._clock) if _is_folder(self.path) else None


def offer(root: Path, channels: Sequence[str] = ()) -> Offer:
    """Return what the folder of a site shows; ``channels`` are links in it, each a site of its own."""
    current = ShownFolder(root / CURRENT)
    named = {**{one: ShownFolder(root / one) for one in channels}, CURRENT: current, BESIDE: ShownFolder(root)}
    shown = named if channels else {"": current}

    def ready() -> str:
        there = any((one.path / "snapshot.json").is_file() for one in shown.values())
        return "" if there else NOTHING_YET

    return Offer(str(root if channels else current.path), shown, ready)


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for names that are too long
