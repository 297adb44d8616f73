"""What a kind fills to look into packages that have arrived: what they say of themselves, beside their hash.

The module that has the port is loaded where there is something to check.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.depot.depot import Depot
from cudepot.depot.fetch_locked import Missing
from cudepot.digest import Digest
from cudepot.errors import CudepotError
from cudepot.store.local import LocalStore


class Checks:
    """Looks into packages; a kind fills what there is of it."""

    def unsound(
        self, depot: Depot, lock: Lock, fetched: Container[Digest]  # noqa: ARG002
    ) -> Iterator[tuple[Missing, CudepotError]]:  # fmt: skip
        """Give what is here as promised and still cannot be trusted, and why.

        Args:
            depot: the depot.
            lock: of one upstream.
            fetched: what came just now; what was sound before and can have become anything else is looked at too.
        """
        return iter(())

    def inside(self, store: LocalStore, path: str, digest: Digest) -> tuple[str, ...]:  # noqa: ARG002
        """Return what a package says of itself and :meth:`unsound` wants to know, read where it was fetched.

        A worker of another machine does so; what was read is in ``depot.workers.insides`` afterwards.

        Raises:
            FormatError: the package cannot be read.
        """
        return ()

    def doubts(self, store: LocalStore, mirror: LockedUpstream, fetched: Container[Digest]) -> Sequence[str]:  # noqa: ARG002
        """Return a line for each package of a whole mirror, just fetched, that clients refuse although it is sound."""
        return ()

    def unchecked(self, depot: Depot, lock: Lock, upstream: LockedUpstream) -> Sequence[str]:  # noqa: ARG002
        """Return the paths of packages that no check has found sound yet, and that must not be published so."""
        return ()


CHECKS = Checks()
"""Of a kind whose packages say nothing that has to be checked."""
