"""The conda channel of the site, which all that is built for conda shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cudepot.catalog.lock import Lock
from cudepot.catalog.site.snapshot import Snapshot, Tree
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.depot import Depot
from cudepot.digest import Digest
from cudepot.kinds.shows import Material, Shows


class _Shows(Shows):
    roots = ("repodata.json",)
    is_proved = True

    def folders(self, depot: Depot) -> tuple[str, ...]:
        return (f"conda/{depot.config.site.channel}/",)

    def tree(self, material: Material) -> dict[str, Digest]:
        if not material.built:
            return {}
        from cudepot.kinds.conda.publish import conda_tree  # noqa: PLC0415 - start-up is much of a small run

        known = {one.digest.sha256: one.md5 for one in material.built if one.md5}
        named = [(one.subdir, one.filename, one.digest) for one in material.built]
        return conda_tree(material.depot, named, material.earlier, known)

    def unsolvable(
        self, depot: Depot, lock: Lock, name: str, files: Mapping[str, Digest]
    ) -> Sequence[Unsolvable]:  # fmt: skip
        from cudepot.kinds.conda.prove import unsolvable  # noqa: PLC0415

        return unsolvable(depot, lock, name, files)

    def was_solvable(self, depot: Depot) -> bool:
        from cudepot.kinds.conda.prove import was_solvable  # noqa: PLC0415

        return was_solvable(depot)

    def left_to_others(self, depot: Depot, tree: Tree) -> Sequence[str]:
        from cudepot.kinds.conda.prove import foreign  # noqa: PLC0415

        return foreign(depot, tree)

    def faults(self, depot: Depot, snapshot: Snapshot, root: str) -> Iterator[str]:
        from cudepot.kinds.conda.verify import faults  # noqa: PLC0415 - for `verify` alone

        return faults(depot, snapshot, root)


SHOWS = _Shows()
