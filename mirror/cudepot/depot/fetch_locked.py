"""Fetches locked artifacts into the store, retries what may be temporary, and reports the rest as faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.faults import Fault, Served, fault_of, file_fault
from cudepot.depot.depot import Clock, Depot
from cudepot.depot.fault_memory import note_faults
from cudepot.depot.fetch import Failures, Wanted, fetch_each
from cudepot.depot.isolated import Isolation, Trouble
from cudepot.depot.rounds import rounds, with_evidence
from cudepot.digest import Digest, MismatchError
from cudepot.errors import CudepotError, MissingError, TransientError, TrustError
from cudepot.ports import Source
from cudepot.store.local import LocalStore

_PASSING = (MismatchError, MissingError, TransientError)
_LOOKED_AT = 8  # failed files of which the served bytes are looked at; with more, the upstream is down


class Missing(NamedTuple):
    """A locked file the store lacks: whose it is, where that upstream has it, which bytes it must be."""

    upstream: str
    path: str
    digest: Digest


class Failed(NamedTuple):
    """A file that could not be had as promised: whose it is, where, and why, with the fault and since when."""

    upstream: str
    path: str
    error: CudepotError


Unsound = Callable[[], Iterable[tuple[Missing, CudepotError]]]


def fetch_locked(
    depot: Depot,
    upstreams: Iterable[str],
    missing: Sequence[Missing],
    *,
    wait: float,
    unsound: Unsound = tuple[tuple[Missing, CudepotError], ...],
) -> list[Failed]:
    """Fetch artifacts the store lacks; what fails is tried again until ``wait`` seconds are used up.

    Returns what could not be had as promised, and why; everything else is there.

    Args:
        depot: the depot.
        upstreams: those whose faults are forgotten where they are over.
        missing: what to fetch; the same bytes may be at several places, and one that has them is enough.
        wait: seconds.
        unsound: asked in the end; gives what is here as promised and still cannot be trusted, and why.

    Raises:
        StorageError: our own disk refuses.
    """
    wanted, final, failures = list(missing), Failures(), Failures()
    for attempt in rounds(depot, wait):
        final_now, failures = _parted(depot.isolation, _fetch(attempt, wanted))
        final += final_now
        still = {one.digest for one, _ in failures}
        wanted = [one for one in wanted if one.digest in still]
        if not wanted:
            break
    places = {one.digest: one for one in reversed(missing)}  # the first place of each, as in a failure
    broken = [
        _Broken(
            places[one.digest], _fault(depot.config, places[one.digest], one, error, look=number < _LOOKED_AT), error
        )
        for number, (one, error) in enumerate([*final, *failures])
    ]
    broken += [_Broken(one, fault_of(error, one.path), error) for one, error in unsound()]
    return _remembered(depot.store, depot.clock, upstreams, broken)


def _parted(isolation: Isolation, failures: Failures) -> tuple[Failures, Failures]:
    """Return the failures that trying again does not mend, and those that it may; raise those of our own disk."""
    final = [(one, isolation.alone(one.path, error)) for one, error in failures if not isinstance(error, _PASSING)]
    return final, [(one, error) for one, error in failures if isinstance(error, _PASSING)]


def _fetch(depot: Depot, wanted: Sequence[Missing]) -> Failures:
    """Fetch what can be opened; an upstream that cannot fails with all of its files."""
    sources: dict[str, Source] = {}
    closed: list[Trouble] = []
    for name in {one.upstream: None for one in wanted}:
        with depot.isolation.each(name, closed.append):
            sources[name] = depot.source(depot.config.upstream(name))
    alone, failures = _by_workers(depot, [one for one in wanted if one.upstream in sources], sources)
    every = [Wanted(sources[one.upstream], one.path, one.digest) for one in alone]
    failures += fetch_each(every, depot.store, depot.progress)
    if closed:
        from cudepot.transport.folder.source import FolderSource  # noqa: PLC0415 - stands for what cannot be opened

        shut, nowhere = {one.name: one.error for one in closed}, FolderSource(depot.base)
        lost = [one for one in wanted if one.upstream in shut]
        failures += [(Wanted(nowhere, one.path, one.digest), shut[one.upstream]) for one in lost]
    return failures


def _by_workers(
    depot: Depot, wanted: Sequence[Missing], sources: Mapping[str, Source]
) -> tuple[Sequence[Missing], Failures]:
    """Have workers fetch, where there are some, what is no file of this machine.

    Returns what is to be fetched here: all else, and what a worker got other bytes of, so that they are looked at
    here; and what could not be had.
    """
    if depot.workers is None:
        return wanted, []
    from cudepot.depot.fetch_by_workers import fetch_by_workers  # noqa: PLC0415 - where there are workers

    away = [one for one in wanted if depot.config.upstream(one.upstream).url]
    left = fetch_by_workers(depot.workers, depot.store, depot.progress, away)
    other = {one for one, error in left if isinstance(error, TrustError)}
    failures = [(Wanted(sources[one.upstream], one.path, one.digest), error) for one, error in left if one not in other]
    return [one for one in wanted if one not in away or one in other], failures


class _Broken(NamedTuple):
    file: Missing
    fault: Fault
    error: CudepotError


def _remembered(store: LocalStore, clock: Clock, upstreams: Iterable[str], broken: Sequence[_Broken]) -> list[Failed]:
    """Remember the faults, and return each error with its fault, age and evidence."""
    found: list[Failed] = []
    for name in upstreams:
        mine = [one for one in broken if one.file.upstream == name]
        standing = note_faults(store, clock, name, "sync", [one.fault for one in mine])
        found += [
            Failed(name, one.file.path, with_evidence(one.error, stands))
            for stands, one in zip(standing, mine, strict=True)
        ]
    return found


def _fault(config: Config, artifact: Missing, wanted: Wanted, error: CudepotError, *, look: bool) -> Fault:
    from cudepot.depot.evidence import served_at  # noqa: PLC0415 - where there is a fault to look at

    served = served_at(wanted.source, wanted.path, error) if look and isinstance(error, MismatchError) else Served()
    upstream = config.upstream(artifact.upstream)
    place = upstream.url or f"{upstream.path}/"
    url = artifact.path if "://" in artifact.path else place + artifact.path
    return file_fault(url, artifact.digest, error, served)
