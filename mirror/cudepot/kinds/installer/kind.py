"""Local installers as a kind of upstream: a deb or rpm that holds an apt or yum repository; its hash vouches for it."""

from __future__ import annotations

from pathlib import Path

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import Resolved
from cudepot.kinds.installer.rules.settings import holds_rpms, parse_installer, sha256_of
from cudepot.kinds.kind import Asking, Kind, PlainLocks, Remote
from cudepot.ports import Source


class _Locks(PlainLocks):
    def parse(self, table: Table, upstream: Upstream) -> Upstream:
        return parse_installer(table, upstream)

    def open(self, upstream: Upstream, base: Path, remote: Remote) -> Source:  # noqa: ARG002
        from cudepot.kinds.installer.source import LocalRepo  # noqa: PLC0415

        return LocalRepo(base / upstream.path, sha256_of(upstream))

    def carries(self, upstream: Upstream) -> tuple[str, ...]:
        return (ArtifactKind.RPM if holds_rpms(upstream) else ArtifactKind.DEB,)

    def lock(self, asking: Asking) -> Resolved:
        from cudepot.kinds.installer.lock import resolve_local  # noqa: PLC0415

        return resolve_local(asking)


KIND = Kind(_Locks())
