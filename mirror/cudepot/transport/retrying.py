"""A source that tries again: the same port as the one it wraps, with back-off and resumed streams."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

from cudepot.errors import TransientError
from cudepot.ports import About, Page, Source, Validators

_Result = TypeVar("_Result")
MAX_WAIT = 60.0  # seconds


class Retrying:
    """Repeats what failed transiently; see :class:`cudepot.ports.Source`.

    Args:
        source: the source that may fail.
        tries: attempts without progress before giving up.
        pause: seconds before the second attempt; doubled each time, with jitter.
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

    def read(self, path: str, *, limit: int, known: Validators | None = None) -> Page | None:
        """Read a document, trying again after transient faults."""
        return self._repeat(lambda: self._source.read(path, limit=limit, known=known))

    def size(self, path: str) -> int:
        """Ask for a size, trying again after transient faults."""
        return self._repeat(lambda: self._source.size(path))

    def about(self, path: str) -> About:
        """Ask about a file, trying again after transient faults."""
        return self._repeat(lambda: self._source.about(path))

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
        chunks = self._resumed(path, offset)
        try:
            yield offset, chunks
        finally:
            chunks.close()

    def _resumed(self, path: str, offset: int) -> Generator[bytes, None, None]:
        attempt = 0
        while True:
            try:
                with self._source.stream(path, offset) as (served, chunks):
                    for chunk in _skip(chunks, offset - served):
                        yield chunk
                        offset += len(chunk)
                        attempt = 0
                return
            except TransientError as error:
                attempt += 1
                self._wait(attempt, error)

    def _wait(self, attempt: int, error: TransientError) -> None:
        if attempt >= self._tries:
            raise error
        wait = max(self._pause * 2 ** (attempt - 1) * random.uniform(0.8, 1.2), error.retry_after)  # noqa: S311
        self._sleep(min(wait, MAX_WAIT))


def _skip(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Drop the first ``count`` bytes: the server cannot seek, so it sent them again."""
    for chunk in chunks:
        if count >= len(chunk):
            count -= len(chunk)
            continue
        yield chunk[count:] if count else chunk
        count = 0
