"""Bring objects into the store: verified while streaming, resumed where they were cut, several at once."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import NamedTuple, TypeVar

from cudepot.digest import Digest, Promise
from cudepot.errors import CudepotError, InternalError, MissingError, TransientError, TrustError
from cudepot.ports import ObjectStore, Part, Progress, PromiseStore, Source
from cudepot.transport.retrying import Resuming

# What these three pay for is the row "full mirror, 20 ms round trip" of `scripts/bench apt` (docs/adr/0011, 0040).
WORKERS = 40  # uv and rattler take 50; 24 take 1.22 times as long
_FIRST = 5  # one thread of so many begins with the first items
_TURN = 0.05  # seconds
_NAMED = 50  # failures named beside the first


class Wanted(NamedTuple):
    """An object to fetch: from where, and which bytes it must be."""

    source: Source
    path: str
    digest: Digest


class Unknown(NamedTuple):
    """A file of which no sha256 is known: whose it is, where that upstream has it, and what its index promises."""

    upstream: str
    path: str
    promise: Promise


def fetch_one(wanted: Wanted, store: ObjectStore, progress: Progress) -> None:
    """Fetch one object unless it is there already; raise as :func:`_fetch` does."""
    if not store.has(wanted.digest):
        _fetch(wanted, store, progress)
    store.settle()


def _fetch(wanted: Wanted, store: ObjectStore, progress: Progress, stop: threading.Event | None = None) -> None:
    """Fetch one object; the part of one that came meanwhile is complete.

    What an earlier, broken run left behind is used; when the whole then has the wrong hash, it is fetched once
    more from the beginning, because the fault may lie in the old part.

    Raises:
        UpstreamError: not to be had.
        TrustError: to be had, but not with the promised bytes.
    """
    with store.part(wanted.digest) as part:
        progress.advance(part.size)
        transfer = _Transfer(wanted, part, progress, stop, resumed=part.size > 0)
        try:
            transfer.run()
        except TrustError as error:
            if not transfer.resumed:
                raise _named(error, wanted) from error
            _again(transfer)


def fetch_promised(
    source: Source, path: str, promised: Digest | Promise, store: ObjectStore, progress: Progress
) -> Digest:
    """Fetch one object by whichever strong hash is known of it, and return its digest.

    Without a sha256 it cannot be told beforehand whether the object is here, so it is fetched: checked while it
    streams into the store, and visible there only when it is what was promised.
    """
    if isinstance(promised, Digest):
        fetch_one(Wanted(source, path, promised), store, progress)
        return promised
    found = _learn(source, Unknown("", path, promised), store, progress)
    store.settle()
    return found


def _learn(
    source: Source, wanted: Unknown, store: ObjectStore, progress: Progress, stop: threading.Event | None = None
) -> Digest:
    """Fetch a file by its promise; one of two editions, put together where the transfer was cut, is fetched again."""
    for again in (False, True):
        with source.stream(wanted.path, 0) as (_, chunks):
            counted = _counted(chunks, wanted.path, progress, stop)
            try:
                return store.add(wanted.promise.checked(counted, wanted.path), settle=False)
            except TrustError:
                if again or not _was_resumed(chunks):
                    raise
    raise AssertionError("the second time returns or raises")


def _was_resumed(chunks: Iterator[bytes]) -> bool:
    return isinstance(chunks, Resuming) and chunks.resumed


def _counted(chunks: Iterator[bytes], path: str, progress: Progress, stop: threading.Event | None) -> Iterator[bytes]:
    for chunk in chunks:
        if stop is not None and stop.is_set():
            raise TransientError(f"{path}: stopped")
        progress.advance(len(chunk))
        yield chunk


def _again(transfer: _Transfer) -> None:
    try:
        transfer.run()
    except TrustError as error:
        raise _named(error, transfer.wanted) from error


def _named(error: TrustError, wanted: Wanted) -> TrustError:
    return error.retold(f"{wanted.path}: {error}")


@dataclass(slots=True)
class _Transfer:
    """One object being received; ``resumed`` is whether its bytes may be of two editions of the file."""

    wanted: Wanted
    part: Part
    progress: Progress
    stop: threading.Event | None
    resumed: bool

    def run(self) -> None:
        """Receive what is missing, and make the object visible."""
        if self.part.size < self.wanted.digest.size:
            with self.wanted.source.stream(self.wanted.path, self.part.size) as (offset, chunks):
                try:
                    self._write(offset, chunks)
                finally:
                    self.resumed |= _was_resumed(chunks)
        self.part.commit()

    def _write(self, offset: int, chunks: Iterator[bytes]) -> None:
        if offset != self.part.size:
            self.progress.advance(offset - self.part.size)
            self.part.cut(offset)
        for chunk in chunks:
            if self.stop is not None and self.stop.is_set():
                raise TransientError(f"{self.wanted.path}: stopped")
            self.part.write(chunk)
            self.progress.advance(len(chunk))


Failures = list[tuple[Wanted, CudepotError]]
_Item = TypeVar("_Item")
_Key = TypeVar("_Key")
_Result = TypeVar("_Result")


def grouped(items: Iterable[_Item], key: Callable[[_Item], _Key]) -> dict[_Key, list[_Item]]:
    """Return items by what they have in common: the same bytes are fetched once, however many names they have."""
    groups: dict[_Key, list[_Item]] = {}
    for one in items:
        groups.setdefault(key(one), []).append(one)
    return groups


def from_any(places: Sequence[_Item], do: Callable[[_Item], _Result]) -> _Result:
    """Return what the first place gives that has the bytes.

    Raises:
        TrustError: none has them, and this is the first that has others.
        MissingError: nothing is at any of them; what the first said.
    """
    errors: list[MissingError | TrustError] = []
    for one in places:
        try:
            return do(one)
        except (MissingError, TrustError) as error:
            errors.append(error)
    raise next((one for one in errors if isinstance(one, TrustError)), errors[0])


def fetch_each(wanted: Iterable[Wanted], store: ObjectStore, progress: Progress, *, workers: int = WORKERS) -> Failures:
    """Fetch all objects that are missing and return those that could not be had, and why.

    An object that is wanted from several places is fetched from the first that has it.
    """
    missing = grouped((one for one in wanted if not store.has(one.digest)), lambda one: one.digest)
    if not missing:
        return []
    _check_sizes(missing)
    progress.begin(f"fetching {len(missing)} files", sum(digest.size for digest in missing), len(missing))
    try:
        return _failures(list(missing.values()), store, progress, workers)
    finally:
        store.settle()
        progress.end()


def fetch_all(wanted: Iterable[Wanted], store: ObjectStore, progress: Progress) -> None:
    """Have files in the store, several at once; raise what went wrong with the first that cannot be had."""
    for _, error in fetch_each(wanted, store, progress):
        raise error


def learn_each(
    wanted: Sequence[Unknown],
    sources: Mapping[str, Source],
    store: PromiseStore,
    progress: Progress,
    *,
    workers: int = WORKERS,
) -> list[tuple[Unknown, CudepotError]]:
    """Fetch files, note what they are, and return those that could not be had, and why; ``sources`` by upstream."""

    def learn(places: list[Unknown], stop: threading.Event) -> None:
        found = from_any(places, lambda one: _learn(sources[one.upstream], one, store, progress, stop))
        store.note_promise(places[0].promise, found)
        progress.advance(0, 1)

    groups = grouped(wanted, lambda one: one.promise)
    progress.begin(f"fetching {len(groups)} files", sum(promise.size for promise in groups), len(groups))
    try:
        failed = in_threads(sorted(groups.values(), key=lambda places: -places[0].promise.size), learn, workers)
    finally:
        store.settle()
        progress.end()
    return [(one, error) for places, error in failed for one in places]


def _failures(missing: Iterable[list[Wanted]], store: ObjectStore, progress: Progress, workers: int) -> Failures:
    """Fetch in several threads, none of which is left with a large file in the end."""

    def fetch(places: list[Wanted], stop: threading.Event) -> None:
        from_any(places, lambda one: _fetch(one, store, progress, stop))
        progress.advance(0, 1)

    failed = in_threads(sorted(missing, key=lambda places: -places[0].digest.size), fetch, workers)
    return [(places[0], error) for places, error in failed]


_Do = Callable[[_Item, threading.Event], None]
_Done = tuple[_Item, BaseException | None]


def in_threads(items: Sequence[_Item], do: _Do[_Item], workers: int) -> list[tuple[_Item, CudepotError]]:
    """Do something with each item, in several threads, and return what failed.

    Some threads begin with the first items, the others with the last: where large files come first, those wait for
    the bytes and these for the round trips, and the line is busy to the end. The threads are daemons: Ctrl-C must
    not wait for a read that is stuck. What has arrived is kept.
    """
    stop, waiting, done = threading.Event(), deque(items), SimpleQueue[_Done[_Item]]()
    for number in range(min(workers, len(items))):
        take = waiting.pop if number % _FIRST else waiting.popleft
        threading.Thread(target=_work, args=(take, done, do, stop), daemon=True).start()
    try:
        with _unhurried():
            ended = [done.get() for _ in items]
    except BaseException:
        stop.set()
        raise
    return [(item, _foreseen(error)) for item, error in ended if error is not None]


def _foreseen(error: BaseException) -> CudepotError:
    """Return what failed one item as an error of that item; raise what stops all of them."""
    if isinstance(error, CudepotError):
        return error
    if isinstance(error, OSError) or not isinstance(error, Exception):
        raise error
    found = InternalError(f"{type(error).__name__}: {error}".removesuffix(": "), hint="a fault in cudepot: report it")
    found.__cause__ = error
    return found


@contextlib.contextmanager
def _unhurried() -> Iterator[None]:
    """Let a thread go on for longer before the others ask it to wait: each waits for the network soon anyway."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _work(take: Callable[[], _Item], done: SimpleQueue[_Done[_Item]], do: _Do[_Item], stop: threading.Event) -> None:
    """Do what waits until nothing is left."""
    with contextlib.suppress(IndexError):
        while not stop.is_set():
            one = take()
            try:
                do(one, stop)
                done.put((one, None))
            except BaseException as error:  # noqa: BLE001 - told by the thread that waits for it
                done.put((one, error))


def summary(failures: Sequence[CudepotError], total: int, paths: Sequence[str] = ()) -> CudepotError:
    """Return the one error that tells of all failures: why the first, and the names of the others."""
    first = failures[0]
    if len(failures) == 1:
        return first
    others = paths[1:]
    named = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "")
    told = f"; the others: {named}" if named else ""
    which = f"{paths[0]}: " if paths and paths[0] not in str(first) else ""  # a URL may spell its name otherwise
    return first.retold(f"{len(failures)} of {total} files failed; the first: {which}{first}{told}")


def _check_sizes(missing: Mapping[Digest, Sequence[Wanted]]) -> None:
    """Refuse one sha256 with two sizes."""
    seen: dict[str, int] = {}
    for digest, places in missing.items():
        if seen.setdefault(digest.sha256, digest.size) != digest.size:
            raise TrustError(
                f"{places[0].path}: sha256 {digest.sha256} is listed with {seen[digest.sha256]} bytes "
                f"and with {digest.size}",
                hint="the index contradicts itself: do not use it",
            )
