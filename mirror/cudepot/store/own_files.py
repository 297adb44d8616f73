"""What a store keeps besides objects: snapshots, records and memories, each opened as what it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.disk import write_atomic
from cudepot.store import layout
from cudepot.store.manifests import Manifests
from cudepot.store.sealed_log import SealedLog
from cudepot.store.snapshots import Snapshots
from cudepot.store.upstream_memory import UpstreamMemory

if TYPE_CHECKING:
    from cudepot.store.promotions import Promotions
    from cudepot.store.tags import Tags


class OwnFiles:
    """The files of a store that are rows of :data:`~cudepot.store.layout.LAYOUT` and no objects."""

    root: Path

    def at(self, entry: layout.Entry) -> Path:
        """Return where one of the store's own files is, or would be."""
        return entry.at(self.root)

    def id(self) -> str:
        """Return what tells this store from others, made up when it is asked for first."""
        import secrets  # noqa: PLC0415 - for sites in buckets

        file = self.at(layout.ID)
        if not file.exists():
            write_atomic(file, secrets.token_hex(8).encode())
        return file.read_text(errors="replace")

    @property
    def snapshots(self) -> Snapshots:
        """The snapshots that were made here, or came here."""
        return Snapshots(self.root)

    @property
    def promotions(self) -> Promotions:
        """The records of what channels were made to show."""
        from cudepot.store.promotions import Promotions  # noqa: PLC0415 - few sites have channels

        return Promotions(self.root)

    @property
    def tags(self) -> Tags:
        """The names of snapshots."""
        from cudepot.store.tags import Tags  # noqa: PLC0415 - few verbs ask

        return Tags(self.root)

    def manifests(self, folder: layout.Entry) -> Manifests:
        """Return the manifests of bundles in one of :data:`~cudepot.store.layout.MANIFESTS`."""
        return Manifests(self.root, folder)

    def memory(self, upstream: str) -> UpstreamMemory:
        """Return what is kept of an upstream between runs."""
        return UpstreamMemory(self.root, upstream)

    @property
    def roots_log(self) -> SealedLog:
        """Every root that was accepted."""
        return SealedLog(self.at(layout.ROOTS_LOG))

    @property
    def published_log(self) -> SealedLog:
        """Every name that was ever published."""
        return SealedLog(self.at(layout.PUBLISHED_LOG))
