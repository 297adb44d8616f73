"""Python package indexes as a kind of upstream."""

from __future__ import annotations

from pathlib import Path

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import Lock, Resolved
from cudepot.depot.depot import Depot
from cudepot.kinds.kind import Asking, Kind, Offered, PlainLocks, Remote
from cudepot.kinds.rules.upstream_fields import parse_index
from cudepot.ports import Source


class _Locks(PlainLocks):
    grows = True

    def parse(self, table: Table, upstream: Upstream) -> Upstream:
        return parse_index(table, upstream)

    def open(self, upstream: Upstream, base: Path, remote: Remote) -> Source:  # noqa: ARG002
        from cudepot.formats.simple import ACCEPT  # noqa: PLC0415

        return remote(upstream.url, ACCEPT)

    def carries(self, upstream: Upstream) -> tuple[str, ...]:  # noqa: ARG002
        return (ArtifactKind.WHEEL,)

    def lock(self, asking: Asking) -> Resolved:
        from cudepot.kinds.wheels.lock import resolve_simple  # noqa: PLC0415

        return resolve_simple(asking)

    def offers(self, depot: Depot, upstream: Upstream, lock: Lock) -> Offered:  # noqa: ARG002
        from cudepot.kinds.wheels.offers import offers  # noqa: PLC0415

        return offers(depot.config, depot.store, depot.source, upstream)


KIND = Kind(
    _Locks(),
    showing="cudepot.kinds.wheels.shows",
    indexing="cudepot.kinds.wheels.indexes",
    solving="cudepot.kinds.wheels.solves",
)
