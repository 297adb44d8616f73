"""Bring objects into the store: verified while streaming, resumed where they were cut, several at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from cudepot.digest import Digest, Promise
from cudepot.errors import CudepotError, TransientError, TrustError
from cudepot.ports import ObjectStore, Part, Progress, Source

WORKERS = 24
_NAMED = 50  # failures named beside the first


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object to fetch: from where, and which bytes it must be."""

    source: Source
    path: str
    digest: Digest


def fetch_one(wanted: Wanted, store: ObjectStore, progress: Progress) -> None:
    """Fetch one object unless it is there already; raise as :func:`_fetch` does."""
    _fetch(wanted, store, progress)
    store.settle()


def _fetch(wanted: Wanted, store: ObjectStore, progress: Progress, stop: threading.Event | None = None) -> None:
    """Fetch one object unless it is there already.

    What an earlier, broken run left behind is used; when the whole then has the wrong hash, it is fetched once
    more from the beginning, because the fault may lie in the old part.

    Raises:
        UpstreamError: not to be had.
        TrustError: to be had, but not with the promised bytes.
    """
    if store.has(wanted.digest):
        return
    with store.part(wanted.digest) as part:
        resumed = part.size > 0
        progress.advance(part.size)
        try:
            _receive(wanted, part, progress, stop)
        except TrustError as error:
            if not resumed:
                raise _named(error, wanted) from error
            _again(wanted, part, progress, stop)


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
    with source.stream(path, 0) as (_, chunks):
        return store.add(promised.checked(_counted(chunks, progress), path))


def _counted(chunks: Iterator[bytes], progress: Progress) -> Iterator[bytes]:
    for chunk in chunks:
        progress.advance(len(chunk))
        yield chunk


def _again(wanted: Wanted, part: Part, progress: Progress, stop: threading.Event | None) -> None:
    try:
        _receive(wanted, part, progress, stop)
    except TrustError as error:
        raise _named(error, wanted) from error


def _named(error: TrustError, wanted: Wanted) -> TrustError:
    return error.retold(f"{wanted.path}: {error}")


def _receive(wanted: Wanted, part: Part, progress: Progress, stop: threading.Event | None) -> None:
    if part.size < wanted.digest.size:
        with wanted.source.stream(wanted.path, part.size) as (offset, chunks):
            if offset != part.size:
                progress.advance(-part.size)
                part.restart()
            for chunk in chunks:
                if stop is not None and stop.is_set():
                    raise TransientError(f"{wanted.path}: stopped")
                part.write(chunk)
                progress.advance(len(chunk))
    part.commit()


Failures = list[tuple[Wanted, CudepotError]]


def fetch_each(wanted: Iterable[Wanted], store: ObjectStore, progress: Progress, *, workers: int = WORKERS) -> Failures:
    """Fetch all objects that are missing and return those that could not be had, and why."""
    missing = list(_distinct(one for one in wanted if not store.has(one.digest)))
    if not missing:
        return []
    progress.begin(f"fetching {len(missing)} files", sum(one.digest.size for one in missing))
    try:
        return _failures(missing, store, progress, min(workers, len(missing)))
    finally:
        store.settle()
        progress.end()


def _failures(missing: Sequence[Wanted], store: ObjectStore, progress: Progress, workers: int) -> Failures:
    """Fetch in several threads, the largest first, so that none of them is left with a large one in the end.

    The threads are daemons: Ctrl-C must not wait for a read that is stuck. What has arrived is kept.
    """
    stop, waiting, done = threading.Event(), SimpleQueue[Wanted](), SimpleQueue[_Done]()
    for one in sorted(missing, key=lambda one: -one.digest.size):
        waiting.put(one)
    for _ in range(workers):
        threading.Thread(target=_work, args=(waiting, done, store, progress, stop), daemon=True).start()
    try:
        ended = [done.get() for _ in missing]
    except BaseException:
        stop.set()
        raise
    for _, error in ended:
        if error is not None and not isinstance(error, CudepotError):
            raise error
    return [(wanted, error) for wanted, error in ended if isinstance(error, CudepotError)]


_Done = tuple[Wanted, BaseException | None]


def _work(
    waiting: SimpleQueue[Wanted],
    done: SimpleQueue[_Done],
    store: ObjectStore,
    progress: Progress,
    stop: threading.Event,
) -> None:
    """Fetch what waits until nothing is left."""
    with contextlib.suppress(Empty):
        while not stop.is_set():
            one = waiting.get_nowait()
            try:
                _fetch(one, store, progress, stop)
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


def _distinct(wanted: Iterable[Wanted]) -> Iterator[Wanted]:
    seen: dict[str, int] = {}
    for one in wanted:
        if one.digest.sha256 not in seen:
            seen[one.digest.sha256] = one.digest.size
            yield one
        elif seen[one.digest.sha256] != one.digest.size:
            raise TrustError(
                f"{one.path}: sha256 {one.digest.sha256} is promised with {seen[one.digest.sha256]} bytes "
                f"and with {one.digest.size}",
                hint="the index contradicts itself: do not use it",
            )
