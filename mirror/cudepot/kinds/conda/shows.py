"""The conda channel of the site, which all that is built for conda and all mirrored channels share.

What is mirrored is shown a second time as a channel of its upstream's name, so that lock files that were made of that
one find their packages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import CONDA, ArtifactKind, row_of_type
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.snapshot import Snapshot, Tree
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.depot import Depot, SiteVerifier
from cudepot.digest import Digest
from cudepot.kinds.shows import Material, Shows
from cudepot.store.layout import DROPIN
from cudepot.store.local import LocalStore

if TYPE_CHECKING:
    from cudepot.kinds.compared import Compared


class _Shows(Shows):
    roots = ("repodata.json",)
    is_proved = True

    def folders(self, config: Config) -> tuple[str, ...]:
        mirrored = (one.name for one in config.upstreams if row_of_type(one.type) is CONDA)
        return tuple(f"{CONDA.room}/{one}/" for one in (config.site.channel, *mirrored))

    def tree(self, material: Material) -> dict[str, Digest]:
        locked = [one for one in material.lock.artifacts if one.kind == ArtifactKind.CONDA and one.is_mirrored]
        if not (material.built or locked):
            return {}
        from cudepot.kinds.conda.environment import KIND  # noqa: PLC0415 - start-up is much of a small run
        from cudepot.kinds.conda.mirrored import channels_of, members_of  # noqa: PLC0415
        from cudepot.kinds.conda.publish import conda_tree  # noqa: PLC0415
        from cudepot.kinds.conda.rules.solution import index_of  # noqa: PLC0415

        store, earlier = material.depot.store, material.earlier
        own = material.depot.config.site.channel
        channels = channels_of(locked, own)
        known = {one.digest.sha256: one.md5 for one in material.built if one.md5}
        named = [(one.subdir, one.filename, one.digest) for one in material.built]
        every = [one for found in channels.values() for one in found]
        tree = conda_tree(store, f"{CONDA.room}/{own}/", named, earlier, known, every)
        removed = {one.name: one.removed for one in material.lock.upstreams}
        for channel, found in channels.items():
            gone = removed.get(channel, ())
            tree |= conda_tree(store, f"{CONDA.room}/{channel}/", (), earlier, mirrored=found, removed=gone)
        for one in material.lock.environments:
            if one.kind == KIND:
                tree |= conda_tree(store, index_of(one.name), (), earlier, mirrored=members_of(one, channels))
        return tree

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

    def compared(self, config: Config, store: LocalStore, tree: Tree) -> Sequence[Compared]:
        if not DROPIN.found(store.root):
            return ()
        from cudepot.kinds.conda.dropin import compared  # noqa: PLC0415

        return tuple(compared(config, store, tree))

    def faults(self, store: LocalStore, site_verifier: SiteVerifier, snapshot: Snapshot, root: str) -> Iterator[str]:  # noqa: ARG002
        from cudepot.kinds.conda.verify import faults  # noqa: PLC0415 - for `verify` alone

        return faults(store, snapshot.tree, root)


SHOWS = _Shows()
