"""Conda channels as a kind of upstream, and the site's own as what shows packages of that kind."""

from __future__ import annotations

from pathlib import Path

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import Lock, Resolved
from cudepot.depot.depot import Depot
from cudepot.kinds.conda.rules.settings import parse_channel, settings_of
from cudepot.kinds.kind import Asking, Kind, Offered, PlainLocks, Remote
from cudepot.ports import Source
from cudepot.urls import with_token


class _Locks(PlainLocks):
    grows = True

    def parse(self, table: Table, upstream: Upstream) -> Upstream:
        return parse_channel(table, upstream)

    def open(self, upstream: Upstream, base: Path, remote: Remote) -> Source:  # noqa: ARG002
        own = settings_of(upstream)
        first = remote(with_token(upstream.url) if own.token else upstream.url, "*/*")
        if not own.mirrors:
            return first
        from cudepot.transport.mirrors import Mirrors  # noqa: PLC0415 - where there are any

        return Mirrors([first, *(remote(url, "*/*") for url in own.mirrors)])

    def carries(self, upstream: Upstream) -> tuple[str, ...]:  # noqa: ARG002
        return (ArtifactKind.CONDA,)

    def lock(self, asking: Asking) -> Resolved:
        from cudepot.kinds.conda.lock import resolve_channel  # noqa: PLC0415

        return resolve_channel(asking)

    def offers(self, depot: Depot, upstream: Upstream, lock: Lock) -> Offered:  # noqa: ARG002
        from cudepot.kinds.conda.offers import offers  # noqa: PLC0415

        return offers(depot, upstream)

    def note_peers(self, depot: Depot, upstream: Upstream) -> None:
        from cudepot.kinds.conda.dropin import note  # noqa: PLC0415

        note(depot, upstream)


KIND = Kind(
    _Locks(),
    showing="cudepot.kinds.conda.shows",
    indexing="cudepot.kinds.conda.indexes",
    solving="cudepot.kinds.conda.solves",
)
