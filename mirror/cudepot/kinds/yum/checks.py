"""What rpms bear inside: their signatures, which are checked whenever the pinned keys are others than they were."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.depot.depot import Depot
from cudepot.depot.fetch_locked import Missing
from cudepot.digest import Digest
from cudepot.errors import CudepotError
from cudepot.kinds.checks import Checks
from cudepot.kinds.yum.signatures import check_rpms, unchecked


class _Checks(Checks):
    def unsound(
        self, depot: Depot, lock: Lock, fetched: Container[Digest]  # noqa: ARG002
    ) -> Iterator[tuple[Missing, CudepotError]]:  # fmt: skip
        return check_rpms(depot.config, depot.store, depot.keyring, lock)

    def unchecked(self, depot: Depot, lock: Lock, upstream: LockedUpstream) -> Sequence[str]:
        return unchecked(depot.base, depot.config, depot.store, lock, upstream)


CHECKS = _Checks()
