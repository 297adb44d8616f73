"""apt repositories on the site: one per upstream, signed by the site, or whole as the upstream signed it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.catalog.site.snapshot import Snapshot, Tree
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.depot import Clock, Signing, SiteVerifier
from cudepot.digest import Digest
from cudepot.kinds.apt.rules.plan import is_older, is_worn
from cudepot.kinds.shows import Material, Shows
from cudepot.ports import Verifier
from cudepot.store.local import LocalStore

_ROOT = "InRelease"


class _Shows(Shows):
    roots = (_ROOT,)

    def tree(self, material: Material) -> dict[str, Digest]:
        from cudepot.kinds.apt.publish import apt_tree  # noqa: PLC0415 - start-up is much of a small run

        return apt_tree(material.depot.config, material.depot.signing, material.lock, material.earlier)

    def unsolvable(
        self, config: Config, store: LocalStore, lock: Lock, name: str, files: Mapping[str, Digest]
    ) -> Sequence[Unsolvable]:
        from cudepot.kinds.apt.prove import unsolvable  # noqa: PLC0415

        return unsolvable(config, store, lock, name, files)

    def renewed(self, signing: Signing, root: str, old: Snapshot, newest: Snapshot) -> Mapping[str, Digest]:
        from cudepot.kinds.apt.publish import renewed  # noqa: PLC0415

        return renewed(signing, root.removesuffix(f"/{_ROOT}"), old.tree, newest.tree)

    def is_worn(self, store: LocalStore, clock: Clock, tree: Tree, root: str) -> bool:
        digest = tree.get(f"{root.removesuffix(_ROOT)}Release")
        return digest is not None and store.has(digest) and is_worn(store.read(digest), clock())

    def valid_until(self, store: LocalStore, tree: Tree, root: str) -> datetime.datetime | None:
        from cudepot.formats.apt_release import parse_release  # noqa: PLC0415

        digest = tree.get(f"{root.removesuffix(_ROOT)}Release") or tree[root]
        return parse_release(_bare(store.read(digest)), root).valid_until()

    def is_behind(self, store: LocalStore, tree: Tree, seen: Tree, root: str) -> bool:
        path = f"{root.removesuffix(_ROOT)}Release"
        here, there = (one.get(path) for one in (tree, seen))
        if here is None or there is None:
            return False
        return not store.has(there) or is_older(store.read(here), store.read(there))

    def faults(self, store: LocalStore, site_verifier: SiteVerifier, snapshot: Snapshot, root: str) -> Iterator[str]:
        from cudepot.kinds.apt.verify import faults  # noqa: PLC0415 - for `verify` alone

        return faults(store, site_verifier, snapshot, root)

    def mirror_faults(
        self, store: LocalStore, snapshot: Snapshot, upstream: LockedUpstream, verifier: Callable[[], Verifier]
    ) -> Iterator[str]:
        from cudepot.kinds.apt.verify import mirror_faults  # noqa: PLC0415

        return mirror_faults(store, snapshot, upstream, verifier())


def _bare(release: bytes) -> bytes:
    """Return a Release without the lines of a cleartext signature before it."""
    return release.partition(b"\n\n")[2] if release.startswith(b"-----BEGIN PGP SIGNED") else release


SHOWS = _Shows()
