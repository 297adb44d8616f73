"""A source that tries again: the same port as the one it wraps, with back-off and resumed streams."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, TypeVar

from cudepot.errors import SlowError, TransientError
from cudepot.ports import About, Page, Source, Validators

_Result = TypeVar("_Result")
MAX_WAIT = 60.0  # seconds


class Retrying:
    """Repeats what failed transiently; see :class:`cudepot.ports.Source`.

    Args:
        source: the source that may fail.
        tries: attempts without progress before giving up.
        pause: seconds before the second attempt; doubled each time, with jitter.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        source: Source,
        *,
        tries: int = 5,
        pause: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source, self._tries, self._pause, self._sleep = source, tries, pause, sleep

    def read(
        self, path: str, *, limit: int, known: Validators | None = None, into: BinaryIO | None = None
    ) -> Page | None:
        """Read a document, trying again after transient faults."""
        return self._repeat(lambda: self._source.read(path, limit=limit, known=known, into=into))

    def size(self, path: str) -> int:
        """Ask for a size, trying again after transient faults."""
        return self._repeat(lambda: self._source.size(path))

    def about(self, path: str) -> About:
        """Ask about a file, trying again after transient faults."""
        return self._repeat(lambda: self._source.about(path))

    def piece(self, path: str, start: int, size: int) -> bytes | None:
        """Read a piece of a file, trying again after transient faults."""
        return self._repeat(lambda: self._source.piece(path, start, size))

    def fresh(self) -> Retrying:
        """Return the same with a source that is asked past caches."""
        return Retrying(self._source.fresh(), tries=self._tries, pause=self._pause, sleep=self._sleep)

    def _repeat(self, action: Callable[[], _Result]) -> _Result:
        attempt = 0
        while True:
            try:
                return action()
            except TransientError as error:
                attempt += 1
                self._wait(attempt, error)

    @contextlib.contextmanager
    def stream(self, path: str, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Open a stream that goes on where it was cut."""
        chunks = Resuming(lambda at: self._source.stream(path, at), offset, self._tries, self._wait)
        try:
            yield chunks.open(), chunks
        finally:
            chunks.close()

    def _wait(self, attempt: int, error: TransientError) -> None:
        if attempt >= self._tries:
            raise error
        wait = max(self._pause * 2 ** (attempt - 1) * random.uniform(0.8, 1.2), error.retry_after)  # noqa: S311
        self._sleep(min(wait, MAX_WAIT))


class Resuming:
    """The chunks of a file, gone on with where the transfer was cut.

    Where that fails to the last try, the file is asked for once from its beginning: there are servers that break over
    a request for the rest, and answer the one for the whole.

    Args:
        stream: opens the file at an offset.
        offset: where to begin.
        tries: attempts without progress before giving up.
        wait: waits before the next attempt, whose number and reason it is told; raises the reason after the last.

    Attributes:
        resumed: whether the bytes come from more than one answer, and so may be of two editions of the file.
    """

    def __init__(
        self,
        stream: Callable[[int], AbstractContextManager[tuple[int, Iterator[bytes]]]],
        offset: int,
        tries: int,
        wait: Callable[[int, TransientError], None],
    ) -> None:
        self._stream, self._at, self._tries, self._wait = stream, offset, tries, wait
        self._attempt, self._slow, self._whole, self.resumed = 0, 0, False, False
        self._stack = contextlib.ExitStack()
        self._chunks: Iterator[bytes] = iter(())

    def open(self) -> int:
        """Begin, and return the offset that is really served."""
        self._at = self._opened()
        return self._at

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while True:
            try:
                chunk = next(self._chunks)
            except TransientError as error:
                self._failed(error)
                self.resumed = True
                served = self._opened()
                self._chunks = skipped(self._chunks, self._at - served)
                continue
            self._at += len(chunk)
            self._attempt = 0
            return chunk

    def _opened(self) -> int:
        while True:
            try:
                served, self._chunks = self._stack.enter_context(self._stream(0 if self._whole else self._at))
            except TransientError as error:
                self._failed(error)
            else:
                return served

    def _failed(self, error: TransientError) -> None:
        """Wait for the next attempt, or raise what went wrong."""
        self._stack.close()
        if isinstance(error, SlowError):
            self._slow += 1
            self._wait(self._slow, error)
            return
        self._attempt += 1
        if self._attempt >= self._tries and self._at and not self._whole:
            self._whole = True
            return
        self._wait(self._attempt, error)

    def close(self) -> None:
        """End the transfer."""
        self._stack.close()


def skipped(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Drop the first ``count`` bytes: the server cannot seek, so it sent them again."""
    for chunk in chunks:
        if count >= len(chunk):
            count -= len(chunk)
            continue
        yield chunk[count:] if count else chunk
        count = 0
