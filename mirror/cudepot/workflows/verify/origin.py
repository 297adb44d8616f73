"""Verify, on the far side of an air gap, what the upstreams signed, each upstream by itself, and the environments."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot
from cudepot.depot.snapshots import lock_of
from cudepot.errors import CudepotError
from cudepot.workflows.bundle.environments import prove_environments
from cudepot.workflows.bundle.prove import check_folders, imported_roots, prove_one


def origin_faults(depot: Depot, snapshot: Snapshot) -> Iterator[str]:
    """Give a line for each upstream whose signature does not lead to what the snapshot shows; none on the near side."""
    if not depot.config.site.origin:
        return
    try:
        lock, roots = lock_of(depot.store, snapshot), imported_roots(depot.store, snapshot.number)
    except CudepotError as error:
        yield str(error)
        return
    yield from _error_line(lambda: check_folders(lock, snapshot.tree))
    for one in lock.upstreams:
        check = _error_line(lambda one=one: prove_one(depot, lock, one, snapshot.tree, roots))  # type: ignore[misc]
        yield from depot.isolation.lines(one.name, check)
    yield from _error_line(lambda: prove_environments(depot.store, depot.progress, lock, snapshot.tree))


def _error_line(check: Callable[[], object]) -> Iterator[str]:
    try:
        check()
    except CudepotError as error:
        yield str(error)  # it names its upstream itself
