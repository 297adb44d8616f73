"""apt repositories as a kind of upstream."""

from __future__ import annotations

from pathlib import Path

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import Lock, Resolved
from cudepot.depot.depot import Depot
from cudepot.kinds.apt.rules.settings import parse_apt
from cudepot.kinds.kind import Asking, Kind, Offered, PlainLocks, Remote
from cudepot.kinds.remote import opened
from cudepot.ports import Source


class _Locks(PlainLocks):
    is_signed = True
    grows = True

    def parse(self, table: Table, upstream: Upstream) -> Upstream:
        return parse_apt(table, upstream)

    def open(self, upstream: Upstream, base: Path, remote: Remote) -> Source:  # noqa: ARG002
        return opened(upstream.url, remote)

    def carries(self, upstream: Upstream) -> tuple[str, ...]:  # noqa: ARG002
        return (ArtifactKind.DEB,)

    def lock(self, asking: Asking) -> Resolved:
        from cudepot.kinds.unchanged import session, unchanged  # noqa: PLC0415

        asked = session(asking)
        if before := unchanged(asking, asked, "InRelease"):  # Release and Release.gpg are read and verified together
            return before
        from cudepot.kinds.apt.lock import resolve_apt  # noqa: PLC0415 - where something changed

        return resolve_apt(asked, asking.before, rollback=asking.rollback, accepted=asking.accepted)

    def offers(self, depot: Depot, upstream: Upstream, lock: Lock) -> Offered:
        from cudepot.kinds.apt.offers import offers  # noqa: PLC0415
        from cudepot.kinds.apt.rules.entries import SPELLING  # noqa: PLC0415

        return Offered(tuple(offers(depot, upstream, lock)), SPELLING)


KIND = Kind(
    _Locks(),
    showing="cudepot.kinds.apt.shows",
    vouching="cudepot.kinds.apt.vouches",
    checking="cudepot.kinds.apt.checks",
    configuring="cudepot.kinds.apt.configures",
    solving="cudepot.kinds.apt.solves",
    ends=("/InRelease", "/Release.gpg"),
)
