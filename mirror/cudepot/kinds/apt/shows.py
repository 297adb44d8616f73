"""apt repositories on the site: one per upstream, signed by the site, or whole as the upstream signed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.catalog.site.snapshot import Snapshot, Tree
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.depot import Depot
from cudepot.digest import Digest
from cudepot.kinds.apt.rules.plan import is_worn
from cudepot.kinds.shows import Material, Shows
from cudepot.ports import Verifier

_ROOT = "InRelease"


class _Shows(Shows):
    roots = (_ROOT,)

    def tree(self, material: Material) -> dict[str, Digest]:
        from cudepot.kinds.apt.publish import apt_tree  # noqa: PLC0415 - start-up is much of a small run

        return apt_tree(material.depot, material.lock, material.earlier)

    def unsolvable(
        self, depot: Depot, lock: Lock, name: str, files: Mapping[str, Digest]
    ) -> Sequence[Unsolvable]:  # fmt: skip
        from cudepot.kinds.apt.prove import unsolvable  # noqa: PLC0415

        return unsolvable(depot, lock, name, files)

    def renewed(self, depot: Depot, root: str, old: Snapshot, newest: Snapshot) -> Mapping[str, Digest]:
        from cudepot.kinds.apt.publish import renewed  # noqa: PLC0415

        return renewed(depot, root.removesuffix(f"/{_ROOT}"), old.tree, newest.tree)

    def is_worn(self, depot: Depot, tree: Tree, root: str) -> bool:
        digest = tree.get(f"{root.removesuffix(_ROOT)}Release")
        return digest is not None and depot.store.has(digest) and is_worn(depot.store.read(digest), depot.clock())

    def faults(self, depot: Depot, snapshot: Snapshot, root: str) -> Iterator[str]:
        from cudepot.kinds.apt.verify import faults  # noqa: PLC0415 - for `verify` alone

        return faults(depot, snapshot, root)

    def mirror_faults(
        self, depot: Depot, snapshot: Snapshot, upstream: LockedUpstream, verifier: Callable[[], Verifier]
    ) -> Iterator[str]:
        from cudepot.kinds.apt.verify import mirror_faults  # noqa: PLC0415

        return mirror_faults(depot, snapshot, upstream, verifier())


SHOWS = _Shows()
