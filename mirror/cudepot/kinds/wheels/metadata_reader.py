"""METADATA of a wheel at the least cost: remembered, beside it on its index, by pieces of the wheel, or out of it all.

What is read without the wheel proves nothing: publishing reads METADATA out of the wheels themselves, and proves that
the same question gets the same answer from those.
"""

from __future__ import annotations

import threading
from typing import BinaryIO

from cudepot.catalog.config.upstream import Upstream
from cudepot.depot.depot import SourceOf
from cudepot.depot.fetch import Wanted, fetch_one
from cudepot.digest import Digest, hexdigest
from cudepot.errors import FormatError, MissingError, TransientError, UpstreamError
from cudepot.formats.simple import IndexFile
from cudepot.formats.wheel_pieces import metadata_in_pieces
from cudepot.formats.wheel_read import read_metadata
from cudepot.kinds.wheels.hashes import Hashes
from cudepot.kinds.wheels.rules.located import located
from cudepot.ports import Progress, Source
from cudepot.store.local import LocalStore
from cudepot.store.metadata_memory import MetadataMemory
from cudepot.urls import is_unprotected

_MOST = 4 << 20  # bytes of a METADATA


class _NoPiecesError(Exception):
    """The server does not give a part of a file alone."""


class MetadataReader:
    """Reads METADATA; threads may share it.

    Args:
        store: keeps whole files, and what was read of others.
        progress: is told what is odd, once of each index.
        source: opens an upstream.
        gate: lets in as many as may ask at a time.
    """

    def __init__(self, store: LocalStore, progress: Progress, source: SourceOf, gate: threading.Semaphore) -> None:
        self._store, self._progress, self._source, self._gate = store, progress, source, gate
        self._memory = MetadataMemory(store)
        self._noted: set[tuple[str, str]] = set()
        self._noting = threading.Lock()

    def save(self) -> None:
        """Remember what was read, so that the next lock reads nothing."""
        self._memory.save()

    def read(self, upstream: Upstream, file: IndexFile) -> bytes:
        """Return the METADATA of a wheel as packed.

        Raises:
            UpstreamError: neither it nor the wheel can be had.
            TrustError: the whole wheel had to be read, and is not what the index promises.
            FormatError: it is no wheel.
        """
        found = self._memory.find(upstream.name, file.sha256) if file.sha256 else None
        if found is None:
            with self._gate:
                found = self._asked(upstream, file)
            if file.sha256:
                self._memory.note(upstream.name, file.sha256, found)
        return found

    def whole(self, upstream: Upstream, file: IndexFile) -> BinaryIO:
        """Open a whole file; it is fetched unless the store has it, checked, and kept.

        Raises:
            UpstreamError: not available.
            TrustError: not what the index promises.
        """
        with self._gate:
            return self._whole(upstream, file)

    def size(self, upstream: Upstream, file: IndexFile) -> int:
        """Return the size of a file as its server tells it; raise UpstreamError where it does not."""
        with self._gate:
            return self._source(upstream).size(located(upstream, file.url))

    def _whole(self, upstream: Upstream, file: IndexFile) -> BinaryIO:
        source, path = self._source(upstream), located(upstream, file.url)
        hashes = Hashes(self._store, self._progress, source, {}, ())
        digest = hashes.digest(path, file, threading.Event())
        fetch_one(Wanted(source, path, digest), self._store, self._progress)
        return self._store.open(digest)

    def _asked(self, upstream: Upstream, file: IndexFile) -> bytes:
        if file.sha256 and file.size is not None and self._store.has(Digest(file.sha256, file.size)):
            return self._out_of_all(upstream, file)
        source, path = self._source(upstream), located(upstream, file.url)
        beside = self._beside(upstream, source, path, file) if file.core_metadata else None
        if beside is not None:
            return beside
        if is_unprotected(file.url):
            return self._out_of_all(upstream, file)
        try:
            return _by_pieces(source, path, file)
        except _NoPiecesError:
            self._note(upstream, f"does not serve parts of files: {file.filename} and others are fetched whole")
        except FormatError:  # what is wrong with it is for the whole to say
            pass
        return self._out_of_all(upstream, file)

    def _beside(self, upstream: Upstream, source: Source, path: str, file: IndexFile) -> bytes | None:
        """Return what is served beside a wheel (PEP 658), if it is what the index promises."""
        try:
            page = source.read(f"{path}.metadata", limit=_MOST)
        except TransientError:
            raise
        except UpstreamError:
            page = None
        if page is not None and hexdigest(page.body) == file.core_metadata:
            return page.body
        wrong = "missing" if page is None else "not what the index promises"
        self._note(upstream, f"{file.filename}.metadata is {wrong}: METADATA is read from the wheels instead")
        return None

    def _out_of_all(self, upstream: Upstream, file: IndexFile) -> bytes:
        with self._whole(upstream, file) as wheel:
            return read_metadata(wheel, what=file.filename)

    def _note(self, upstream: Upstream, text: str) -> None:
        """Say something of an index once, whichever file it is noticed at."""
        about = (upstream.name, text.rpartition(":")[2])
        with self._noting:
            if about in self._noted:
                return
            self._noted.add(about)
        self._progress.say(f"{upstream.name}: {text}")


def _by_pieces(source: Source, path: str, file: IndexFile) -> bytes:
    def read(start: int, size: int) -> bytes:
        found = source.piece(path, start, size)
        if found is None:
            raise _NoPiecesError
        return found

    size = file.size if file.size is not None else _size(source, path)
    return metadata_in_pieces(read, size, what=file.filename)


def _size(source: Source, path: str) -> int:
    """Return the size of a file; a server that does not tell it gives no pieces either."""
    try:
        return source.size(path)
    except (TransientError, MissingError):
        raise
    except UpstreamError as error:
        raise _NoPiecesError from error
