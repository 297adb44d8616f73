"""Brings locked artifacts into the store, tries again what may pass, and says which fault the rest shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from cudepot.catalog.faults import Fault, Served, fault_of, file_fault
from cudepot.digest import Digest, MismatchError
from cudepot.errors import CudepotError, MissingError, TransientError
from cudepot.ports import Source
from cudepot.workflows.depot import Depot
from cudepot.workflows.fetch import Failures, Wanted, fetch_each, summary
from cudepot.workflows.rounds import rounds, told
from cudepot.workflows.standing import note

_PASSING = (MismatchError, MissingError, TransientError)
_LOOKED_AT = 8  # failed files of which the served bytes are looked at; with more, the upstream is down


class Missing(NamedTuple):
    """A locked file the store lacks: whose it is, where that upstream has it, which bytes it must be."""

    upstream: str
    path: str
    digest: Digest


Unsound = Callable[[], Iterable[tuple[Missing, CudepotError]]]


def bring(
    depot: Depot,
    upstreams: Iterable[str],
    missing: Sequence[Missing],
    *,
    wait: float,
    unsound: Unsound = tuple[tuple[Missing, CudepotError], ...],
) -> None:
    """Fetch artifacts the store lacks; what fails is tried again until ``wait`` seconds are used up.

    Args:
        depot: the depot.
        upstreams: all that are locked: faults of theirs that are over are forgotten.
        missing: what to fetch; the same bytes may be at several places, and one that has them is enough.
        wait: seconds.
        unsound: asked in the end; gives what is here as promised and still cannot be trusted, and why.

    Raises:
        CudepotError: something could not be had as promised; everything else is there.
    """
    wanted, failures = list(missing), Failures()
    for now in rounds(depot, wait):
        failures = _fetch(now, wanted)
        final = [error for _, error in failures if not isinstance(error, _PASSING)]
        if final:
            raise summary(final, len({one.digest for one in missing}))
        still = {one.digest for one, _ in failures}
        wanted = [one for one in wanted if one.digest in still]
        if not wanted:
            break
    places = {one.digest: one for one in reversed(wanted)}  # the first place of each, as in a failure
    broken = [
        _Broken(places[one.digest], _fault(depot, places[one.digest], one, error, look=number < _LOOKED_AT), error)
        for number, (one, error) in enumerate(failures)
    ]
    broken += [_Broken(one, fault_of(error, one.path), error) for one, error in unsound()]
    found = _told(depot, upstreams, broken)
    if found:
        total = len({one.digest for one in missing} | {one.file.digest for one in broken})
        raise summary([one for _, one in found], total, [path for path, _ in found])


def _fetch(depot: Depot, wanted: Sequence[Missing]) -> Failures:
    names = {one.upstream for one in wanted}
    sources: dict[str, Source] = {name: depot.source(depot.config.upstream(name)) for name in names}
    every = [Wanted(sources[one.upstream], one.path, one.digest) for one in wanted]
    return fetch_each(every, depot.store, depot.progress)


class _Broken(NamedTuple):
    file: Missing
    fault: Fault
    error: CudepotError


def _told(depot: Depot, upstreams: Iterable[str], broken: Sequence[_Broken]) -> list[tuple[str, CudepotError]]:
    """Remember the faults, and return path and error, the latter with its fault, age and evidence."""
    found: list[tuple[str, CudepotError]] = []
    for name in upstreams:
        mine = [one for one in broken if one.file.upstream == name]
        standing = note(depot, name, "sync", [one.fault for one in mine])
        found += [(one.file.path, told(one.error, stands)) for stands, one in zip(standing, mine, strict=True)]
    return found


def _fault(depot: Depot, artifact: Missing, wanted: Wanted, error: CudepotError, *, look: bool) -> Fault:
    from cudepot.workflows.evidence import served_at  # noqa: PLC0415 - where there is a fault to look at

    served = served_at(wanted.source, wanted.path, error) if look and isinstance(error, MismatchError) else Served()
    upstream = depot.config.upstream(artifact.upstream)
    place = upstream.url or f"{upstream.path}/"
    url = artifact.path if "://" in artifact.path else place + artifact.path
    return file_fault(url, artifact.digest, error, served)
