"""Bring objects into the store: verified while streaming, resumed where they were cut, several at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from cudepot.digest import Digest
from cudepot.errors import CudepotError, TrustError
from cudepot.ports import ObjectStore, Part, Progress, Source

WORKERS = 16
_NAMED = 50  # failures named beside the first


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object to fetch: from where, and which bytes it must be."""

    source: Source
    path: str
    digest: Digest


def fetch_one(wanted: Wanted, store: ObjectStore, progress: Progress) -> None:
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
            _receive(wanted, part, progress)
        except TrustError as error:
            if not resumed:
                raise _named(error, wanted) from error
            _again(wanted, part, progress)


def _again(wanted: Wanted, part: Part, progress: Progress) -> None:
    try:
        _receive(wanted, part, progress)
    except TrustError as error:
        raise _named(error, wanted) from error


def _named(error: TrustError, wanted: Wanted) -> TrustError:
    return TrustError(f"{wanted.path}: {error}", hint=error.hint)


def _receive(wanted: Wanted, part: Part, progress: Progress) -> None:
    if part.size < wanted.digest.size:
        with wanted.source.stream(wanted.path, part.size) as (offset, chunks):
            if offset != part.size:
                progress.advance(-part.size)
                part.restart()
            for chunk in chunks:
                part.write(chunk)
                progress.advance(len(chunk))
    part.commit()


def fetch_all(wanted: Sequence[Wanted], store: ObjectStore, progress: Progress, *, workers: int = WORKERS) -> int:
    """Fetch all objects that are missing and return how many came.

    A failing one does not stop the others: what can be had is had, then the first failure is raised.
    """
    missing = list(_distinct(one for one in wanted if not store.has(one.digest)))
    if not missing:
        return 0
    progress.begin(f"fetching {len(missing)} files", sum(one.digest.size for one in missing))
    try:
        with ThreadPoolExecutor(min(workers, len(missing))) as pool:
            failures = _failures(pool, missing, store, progress)
    finally:
        progress.end()
    if failures:
        raise _summary(failures, len(missing))
    return len(missing)


def _failures(
    pool: ThreadPoolExecutor, missing: Sequence[Wanted], store: ObjectStore, progress: Progress
) -> list[tuple[str, CudepotError]]:
    futures = {pool.submit(fetch_one, one, store, progress): one.path for one in missing}
    try:
        return [(futures[one], error) for one in as_completed(futures) if (error := _cudepot_error(one)) is not None]
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _cudepot_error(done: Future[None]) -> CudepotError | None:
    try:
        done.result()
    except CudepotError as error:
        return error
    return None


def _summary(failures: list[tuple[str, CudepotError]], total: int) -> CudepotError:
    """Return one error that says why the first failed and names the others."""
    first = failures[0][1]
    if len(failures) == 1:
        return first
    others = [path for path, _ in failures[1:]]
    named = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "")
    text = f"{len(failures)} of {total} files failed; the first: {first}; the others: {named}"
    error = type(first)(text, hint=first.hint)
    error.__cause__ = first
    return error


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
