"""NVIDIA's redistrib folders as a kind of upstream."""

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
        return remote(upstream.url, "*/*")

    def carries(self, upstream: Upstream) -> tuple[str, ...]:  # noqa: ARG002
        return (ArtifactKind.ARCHIVE,)

    def lock(self, asking: Asking) -> Resolved:
        from cudepot.kinds.redistrib.lock import resolve_redistrib  # noqa: PLC0415

        return resolve_redistrib(asking)

    def offers(self, depot: Depot, upstream: Upstream, lock: Lock) -> Offered:
        from cudepot.kinds.redistrib.offers import offers  # noqa: PLC0415
        from cudepot.kinds.redistrib.rules.entries import SPELLING  # noqa: PLC0415

        return Offered(tuple(offers(depot, upstream, lock)), SPELLING)


KIND = Kind(_Locks())
