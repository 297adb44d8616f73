"""yum repositories on the site: one per upstream, its metadata signed by the site, or whole as the upstream has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.catalog.site.snapshot import Snapshot, Tree
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.depot import Signing, SiteVerifier
from cudepot.digest import Digest
from cudepot.kinds.shows import Material, Shows
from cudepot.ports import Verifier
from cudepot.store.local import LocalStore


class _Shows(Shows):
    roots = ("repomd.xml",)

    def tree(self, material: Material) -> dict[str, Digest]:
        from cudepot.kinds.yum.publish import yum_tree  # noqa: PLC0415 - start-up is much of a small run

        return yum_tree(material.depot, material.lock, material.earlier)

    def unsolvable(
        self, config: Config, store: LocalStore, lock: Lock, name: str, files: Mapping[str, Digest]
    ) -> Sequence[Unsolvable]:
        from cudepot.kinds.yum.prove import unsolvable  # noqa: PLC0415

        return unsolvable(config, store, lock, name, files)

    def renewed(self, signing: Signing, root: str, old: Snapshot, newest: Snapshot) -> Mapping[str, Digest]:
        from cudepot.kinds.yum.publish import renewed  # noqa: PLC0415

        return renewed(signing, root, old, newest)

    def is_behind(self, store: LocalStore, tree: Tree, seen: Tree, root: str) -> bool:
        from cudepot.kinds.yum.rules.plan import is_older  # noqa: PLC0415 - for channels alone

        here, there = tree[root], seen.get(root)
        return there is not None and (not store.has(there) or is_older(store.read(here), store.read(there)))

    def faults(self, store: LocalStore, site_verifier: SiteVerifier, snapshot: Snapshot, root: str) -> Iterator[str]:
        from cudepot.kinds.yum.verify import faults  # noqa: PLC0415 - for `verify` alone

        return faults(store, site_verifier, snapshot, root)

    def mirror_faults(
        self, store: LocalStore, snapshot: Snapshot, upstream: LockedUpstream, verifier: Callable[[], Verifier]
    ) -> Iterator[str]:
        from cudepot.kinds.yum.verify import mirror_faults  # noqa: PLC0415

        return mirror_faults(store, snapshot, upstream, verifier)


SHOWS = _Shows()
