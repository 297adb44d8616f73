"""yum repositories as a kind of upstream."""

from __future__ import annotations

from pathlib import Path

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import Lock, LockedUpstream, Resolved
from cudepot.depot.depot import Depot
from cudepot.errors import ConfigError
from cudepot.kinds.kind import Asking, Kind, Offered, PlainLocks, Remote
from cudepot.kinds.remote import opened
from cudepot.kinds.yum.rules.settings import parse_yum
from cudepot.ports import Source


class _Locks(PlainLocks):
    is_signed = True
    grows = True

    def parse(self, table: Table, upstream: Upstream) -> Upstream:
        return parse_yum(table, upstream)

    def open(self, upstream: Upstream, base: Path, remote: Remote) -> Source:  # noqa: ARG002
        return opened(upstream.url, remote)

    def carries(self, upstream: Upstream) -> tuple[str, ...]:  # noqa: ARG002
        return (ArtifactKind.RPM,)

    def lock(self, asking: Asking) -> Resolved:
        from cudepot.kinds.unchanged import session, unchanged  # noqa: PLC0415

        asked = session(asking)
        if before := unchanged(asking, asked, "repomd.xml"):
            return before
        from cudepot.kinds.yum.lock import resolve_yum  # noqa: PLC0415 - where something changed

        return resolve_yum(asked, asking.before, rollback=asking.rollback, accepted=asking.accepted)

    def offers(self, depot: Depot, upstream: Upstream, lock: Lock) -> Offered:
        from cudepot.kinds.yum.offers import offers  # noqa: PLC0415
        from cudepot.kinds.yum.rules.entries import SPELLING  # noqa: PLC0415

        return Offered(tuple(offers(depot, upstream, lock)), SPELLING)

    def unsigned(self, config: Config, lock: Lock, upstream: LockedUpstream) -> str:  # noqa: ARG002
        if any(root.signers for root in upstream.roots):
            return ""
        packages = "" if _package_keys(config, upstream.name) else "; its packages are not checked either"
        return f"{upstream.name}: unsigned: trusted by its hash in cudepot.lock (trust = hash-lock){packages}"


def _package_keys(config: Config, name: str) -> tuple[str, ...]:
    try:
        return config.upstream(name).package_keys
    except ConfigError:  # what is shown may be of an upstream that is gone
        return ()


KIND = Kind(
    _Locks(),
    showing="cudepot.kinds.yum.shows",
    vouching="cudepot.kinds.yum.vouches",
    checking="cudepot.kinds.yum.checks",
    configuring="cudepot.kinds.yum.configures",
    solving="cudepot.kinds.yum.solves",
    ends=("/repodata/repomd.xml",),
)
