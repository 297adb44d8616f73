"""Folders of artifacts somebody downloaded as a kind of upstream."""

from __future__ import annotations

from pathlib import Path

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import Lock, LockedUpstream, Resolved
from cudepot.kinds.folder.rules.settings import parse_folder
from cudepot.kinds.kind import Asking, Kind, PlainLocks, Remote
from cudepot.ports import Source

_RPMS = (
    "the signatures of its rpms are not checked: to check them, list the keys in `rpm-keys` and their files "
    "in `keyrings`"
)


class _Locks(PlainLocks):
    names_files = True

    def parse(self, table: Table, upstream: Upstream) -> Upstream:
        return parse_folder(table, upstream)

    def open(self, upstream: Upstream, base: Path, remote: Remote) -> Source:  # noqa: ARG002
        from cudepot.transport.folder.source import FolderSource  # noqa: PLC0415

        return FolderSource(base / upstream.path)

    def carries(self, upstream: Upstream) -> tuple[str, ...]:  # noqa: ARG002
        return ArtifactKind.DEB, ArtifactKind.RPM, ArtifactKind.WHEEL, ArtifactKind.ARCHIVE

    def lock(self, asking: Asking) -> Resolved:
        from cudepot.kinds.folder.lock import resolve_folder  # noqa: PLC0415

        return resolve_folder(asking.depot.base, asking.depot.config, asking.upstream, asking.before, asking.findings)

    def unsigned(self, config: Config, lock: Lock, upstream: LockedUpstream) -> str:
        bare = lock.has_rpms(upstream) and not config.upstream(upstream.name).package_keys
        return f"{upstream.name}: {_RPMS}" if bare else ""


KIND = Kind(_Locks())
