"""The sha256 and size of wheels whose index does not tell them: from the pin, the lock before, or the bytes.

What is read to learn a hash goes into the store at once, as the wheels themselves would with ``sync``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence

from cudepot.catalog.lock import Artifact
from cudepot.digest import CHUNK, Digest, hasher
from cudepot.errors import TransientError, TrustError, UpstreamError
from cudepot.formats.simple import IndexFile
from cudepot.kinds.wheels.provenance import Provenances
from cudepot.ports import Progress, Source
from cudepot.store.local import LocalStore

_AGAIN = "the upstream may be in the middle of an update: run the command again"


class Hashes:
    """Learns digests of the files of one index.

    Args:
        store: where what is read is kept.
        progress: is told of files that are read.
        source: the index's bytes.
        pinned: file name → sha256 as the pins give it.
        before: what was locked of the upstream.

    Attributes:
        provenances: brings what attests the files.
    """

    def __init__(
        self,
        store: LocalStore,
        progress: Progress,
        source: Source,
        pinned: Mapping[str, str],
        before: Sequence[Artifact],
    ) -> None:
        self._store, self._progress, self._source, self._pinned = store, progress, source, pinned
        self.provenances = Provenances(store, progress, source, before)
        self._before = {(one.filename, one.path): one.digest for one in before}

    def digest(self, path: str, file: IndexFile, stop: threading.Event) -> Digest:
        """Return what is to be locked of a file; it is read where neither page nor pin nor lock tell.

        Raises:
            TrustError: the page gives another hash than the pin, or than the bytes have.
            UpstreamError: not available.
        """
        pinned = self._pinned.get(file.filename, "")
        if pinned and file.sha256 and pinned != file.sha256:
            raise TrustError(
                f"{file.filename}: the index gives sha256 {file.sha256}, the pin says {pinned}",
                hint="find out which is right; change the pin only if the index is",
            )
        sha256, size = pinned or file.sha256, self._size(path, file)
        if sha256 and size is not None:
            return Digest(sha256, size)
        before = self._before.get((file.filename, path))
        if before and not sha256 and before.size == size and self._keeps(before, file):
            return before
        return self._learnt(path, file, sha256, stop)

    def _size(self, path: str, file: IndexFile) -> int | None:
        """Return the size, asking for it; None where the server does not say: then it has to be read."""
        if file.size is not None:
            return file.size
        try:
            return self._source.size(path)
        except TransientError:
            raise
        except UpstreamError:
            return None

    def _keeps(self, digest: Digest, file: IndexFile) -> bool:
        """Return whether what was locked is in the store and is what the page promises now, by its strongest hash."""
        if not self._store.has(digest):
            return False
        if not file.hashes:
            return True
        name, value = file.hashes[0]
        one = hasher(name)
        with self._store.open(digest) as handle:
            while chunk := handle.read(CHUNK):
                one.update(chunk)
        return one.hexdigest() == value

    def _learnt(self, path: str, file: IndexFile, sha256: str, stop: threading.Event) -> Digest:
        promises = ", ".join(name for name, _ in file.hashes) or "no hash"
        self._progress.say(f"{file.filename}: fetched to compute its sha256 (the index gives {promises})")
        with self._source.stream(path, 0) as (_, chunks):
            return self._store.add(_checked(chunks, file, sha256, stop))


def _checked(chunks: Iterator[bytes], file: IndexFile, sha256: str, stop: threading.Event) -> Iterator[bytes]:
    """Give the chunks on, and raise TrustError in the end unless they are what page and pin promise."""
    promised = ({"sha256": sha256} if sha256 else {}) | dict(file.hashes)
    running, seen = {name: hasher(name) for name in promised}, 0
    for chunk in chunks:
        if stop.is_set():
            raise TransientError(f"{file.filename}: stopped")
        seen += len(chunk)
        for one in running.values():
            one.update(chunk)
        yield chunk
    if file.size is not None and seen != file.size:
        raise TrustError(f"{file.url}: {seen} bytes, but {file.size} were promised", hint=_AGAIN)
    for name, one in running.items():
        if one.hexdigest() != promised[name]:
            raise TrustError(f"{file.url}: {name} is {one.hexdigest()}, but {promised[name]} was promised", hint=_AGAIN)
