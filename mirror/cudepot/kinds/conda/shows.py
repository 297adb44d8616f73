"""The conda channel of the site, which all that is built for conda shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.snapshot import Snapshot, Tree
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.depot import Depot, SiteVerifier
from cudepot.digest import Digest
from cudepot.kinds.shows import Material, Shows
from cudepot.store.local import LocalStore


class _Shows(Shows):
    roots = ("repodata.json",)
    is_proved = True

    def folders(self, config: Config) -> tuple[str, ...]:
        return (f"conda/{config.site.channel}/",)

    def tree(self, material: Material) -> dict[str, Digest]:
        if not material.built:
            return {}
        from cudepot.kinds.conda.publish import conda_tree  # noqa: PLC0415 - start-up is much of a small run

        known = {one.digest.sha256: one.md5 for one in material.built if one.md5}
        named = [(one.subdir, one.filename, one.digest) for one in material.built]
        return conda_tree(material.depot.store, material.depot.config.site.channel, named, material.earlier, known)

    def unsolvable(
        self, config: Config, store: LocalStore, lock: Lock, name: str, files: Mapping[str, Digest]
    ) -> Sequence[Unsolvable]:
        from cudepot.kinds.conda.prove import unsolvable  # noqa: PLC0415

        return unsolvable(config, store, lock, name, files)

    def was_solvable(self, depot: Depot) -> bool:
        from cudepot.kinds.conda.prove import was_solvable  # noqa: PLC0415

        return was_solvable(depot.config, depot.store)

    def left_to_others(self, config: Config, store: LocalStore, tree: Tree) -> Sequence[str]:
        from cudepot.kinds.conda.prove import foreign  # noqa: PLC0415

        return foreign(config, store, tree)

    def faults(self, store: LocalStore, site_verifier: SiteVerifier, snapshot: Snapshot, root: str) -> Iterator[str]:  # noqa: ARG002
        from cudepot.kinds.conda.verify import faults  # noqa: PLC0415 - for `verify` alone

        return faults(store, snapshot, root)


SHOWS = _Shows()
