"""An upstream that is a folder on this machine: downloads, mounted media, an unpacked local repository."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cudepot.digest import CHUNK
from cudepot.errors import MissingError, UpstreamError
from cudepot.paths import safe_name
from cudepot.ports import About, Page, Validators


class FolderSource:
    """Bytes below one folder; see :class:`cudepot.ports.Source`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def file(self, path: str) -> Path:
        """Return the file at ``path``; raise UpstreamError when it leads outside the folder or is not there."""
        if "://" in path:
            raise UpstreamError(f"{path}: the index in {self.root} points outside the folder")
        found = (self.root / safe_name(path)).resolve()
        if not found.is_relative_to(self.root.resolve()):
            raise UpstreamError(f"{self.root / path}: leads outside the folder")
        if not found.is_file():
            raise MissingError(f"{self.root / path}: no such file", hint="check the folder, or run `cudepot lock`")
        return found

    def read(
        self,
        path: str,
        *,
        limit: int,
        known: Validators | None = None,  # noqa: ARG002
        into: BinaryIO | None = None,
    ) -> Page | None:
        """Return the document at ``path``, at most ``limit`` bytes (a folder has no validators)."""
        file = self.file(path)
        if file.stat().st_size > limit:
            raise UpstreamError(f"{file}: more than {limit} bytes ({limit >> 20} MiB), the limit for such a document")
        if into is None:
            return Page(file.read_bytes())
        with file.open("rb") as handle:
            shutil.copyfileobj(handle, into, CHUNK)
        return Page(b"")

    def size(self, path: str) -> int:
        """Return the size of ``path`` in bytes."""
        return self.file(path).stat().st_size

    def about(self, path: str) -> About:
        """Return size and time of ``path``."""
        import email.utils  # noqa: PLC0415 - where somebody asks: it takes long to load

        stat = self.file(path).stat()
        return About(stat.st_size, email.utils.formatdate(stat.st_mtime, usegmt=True))

    def fresh(self) -> FolderSource:
        """Return this source: nothing is between it and the disk."""
        return self

    def piece(self, path: str, start: int, size: int) -> bytes | None:
        """Return ``size`` bytes from ``start`` on; None where the file ends before."""
        with self.file(path).open("rb") as handle:
            handle.seek(start)
            found = handle.read(size)
        return found if len(found) == size else None

    @contextlib.contextmanager
    def stream(self, path: str, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Open ``path`` at byte ``offset``."""
        with self.file(path).open("rb") as handle:
            handle.seek(offset)
            yield offset, iter(lambda: handle.read(CHUNK), b"")
