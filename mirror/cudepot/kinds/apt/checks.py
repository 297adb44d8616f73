"""What debs say of themselves: another name or version than their index tells, and sums that apt compares as well."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.depot.depot import Depot
from cudepot.depot.fetch_locked import Missing
from cudepot.digest import Digest
from cudepot.errors import CudepotError
from cudepot.kinds.checks import Checks
from cudepot.store.local import LocalStore


class _Checks(Checks):
    def unsound(self, depot: Depot, lock: Lock, fetched: Container[Digest]) -> Iterator[tuple[Missing, CudepotError]]:
        from cudepot.kinds.apt.check_inside import mislabelled  # noqa: PLC0415 - where debs came

        return mislabelled(depot.store, lock, fetched, depot.workers.insides if depot.workers else {})

    def inside(self, store: LocalStore, path: str, digest: Digest) -> tuple[str, ...]:
        from cudepot.kinds.apt.check_inside import inside_of  # noqa: PLC0415

        return inside_of(store, path, digest) if path.endswith(".deb") else ()

    def doubts(self, store: LocalStore, mirror: LockedUpstream, fetched: Container[Digest]) -> Sequence[str]:
        from cudepot.kinds.apt.weak_sums import wrong_sums  # noqa: PLC0415

        return wrong_sums(store, mirror, fetched)


CHECKS = _Checks()
