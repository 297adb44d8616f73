"""Several places that have the same files: the first is asked, and the next where it fails.

Whatever is known by its hash may come from any of them. An index is taken from a mirror only where those before it do
not answer: that it is not there is an answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple, TypeVar

from cudepot.errors import MissingError, UpstreamError
from cudepot.ports import About, Page, Source, Validators
from cudepot.transport.retrying import skipped

_Result = TypeVar("_Result")


class _Opened(NamedTuple):
    """A file that is being read: at which place, from which byte on."""

    source: Source
    start: int
    chunks: Iterator[bytes]


class Mirrors:
    """Places in the order in which they are asked; one that failed comes last from then on.

    Args:
        sources: the upstream itself first.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._first, self._sources = sources[0], list(sources)

    def read(
        self, path: str, *, limit: int, known: Validators | None = None, into: BinaryIO | None = None
    ) -> Page | None:
        """Return a document; conditions hold at the place alone that gave them, which is the one with entity tags."""

        def ask(source: Source) -> Page | None:
            if into is not None:
                into.seek(0)
                into.truncate()
            if source is self._first:
                return source.read(path, limit=limit, known=known if known and known.etag else None, into=into)
            page = source.read(path, limit=limit, into=into)
            return page and page._replace(validators=_dated(page.validators))

        return self._asked(ask, is_answer=MissingError)

    def size(self, path: str) -> int:
        """Return the size of a file."""
        return self._asked(lambda source: source.size(path))

    def about(self, path: str) -> About:
        """Return what is said of a file."""
        return self._asked(lambda source: source.about(path))

    def piece(self, path: str, start: int, size: int) -> bytes | None:
        """Return a piece of a file."""
        return self._asked(lambda source: source.piece(path, start, size))

    def fresh(self) -> Mirrors:
        """Return the same asked past caches, another place first: what this one gave was wrong."""
        other = Mirrors([self._first.fresh(), *(one.fresh() for one in self._sources if one is not self._first)])
        other._sources = [*other._sources[1:], other._sources[0]]
        return other

    @contextlib.contextmanager
    def stream(self, path: str, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Open a file; where it is cut on the way, the next place goes on."""
        with contextlib.ExitStack() as stack:
            opened = self._opened(stack, path, offset)
            yield opened.start, self._chunks(stack, path, opened)

    def _opened(self, stack: contextlib.ExitStack, path: str, offset: int) -> _Opened:
        return self._asked(lambda one: _Opened(one, *stack.enter_context(one.stream(path, offset))))

    def _chunks(self, stack: contextlib.ExitStack, path: str, opened: _Opened) -> Iterator[bytes]:
        at, cuts = opened.start, 0
        while True:
            try:
                for chunk in opened.chunks:
                    at += len(chunk)
                    yield chunk
            except UpstreamError:
                self._last(opened.source)
                cuts += 1
                if cuts == len(self._sources):
                    raise
            else:
                return
            opened = self._opened(stack, path, at)
            opened = opened._replace(chunks=skipped(opened.chunks, at - opened.start))

    def _asked(self, ask: Callable[[Source], _Result], is_answer: type[UpstreamError] | tuple[()] = ()) -> _Result:
        """Return what the first place that answers says; raise what the first one said where none does."""
        failed: list[UpstreamError] = []
        for source in tuple(self._sources):
            try:
                return ask(source)
            except is_answer:
                raise
            except UpstreamError as error:
                failed.append(error)
                if not isinstance(error, MissingError):
                    self._last(source)
        raise failed[0]

    def _last(self, source: Source) -> None:
        """Ask a place after the others from now on."""
        self._sources = [*(one for one in self._sources if one is not source), source]


def _dated(known: Validators | None) -> Validators | None:
    """Return what tells the age of a mirror's document, and is no condition for another place."""
    return Validators(last_modified=known.last_modified) if known else None
