"""The repositories of a site that all upstreams share, as a conda channel is, and the statements about what is in them.

What one upstream brings to them is tried alone when all of it together cannot be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cudepot.catalog.ecosystems import at_home
from cudepot.catalog.lock import Lock
from cudepot.catalog.lock_parts import joined
from cudepot.catalog.site_tops import PROVENANCE
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.builds import Built
from cudepot.depot.depot import Depot, Workshop
from cudepot.depot.isolated import Trouble
from cudepot.digest import Digest
from cudepot.errors import UnsolvableError
from cudepot.kinds.registry import Shown, sharing
from cudepot.kinds.shows import Material
from cudepot.workflows.publish.parts import Earlier, Held, Part, as_before, held_back, proved

Tree = dict[str, Digest]
_STATED = f"{PROVENANCE}/"


def channels(
    depot: Depot, lock: Lock, parts: dict[str, Part], general: Sequence[Built], earlier: Earlier
) -> tuple[Tree, list[Held], list[Unsolvable]]:
    """Return the tree of the shared parts; an upstream that spoils them is put back in ``parts`` as it was last.

    Args:
        depot: the depot.
        lock: what is published.
        parts: by upstream.
        general: packages that are no upstream's: ``cuda-version`` of a closed channel.
        earlier: what was published before.
    """
    held: list[Held] = []
    allowed: list[Unsolvable] = []
    tree: Tree = {}
    for kind in sharing():
        folders = kind.shows.folders(depot.config)
        name, build = folders[0].rstrip("/"), _Shared(depot, lock, general, earlier, kind).tree

        def make(those: Iterable[Part], build: _Make = build) -> Tree:
            made = build(those)
            allowed[:] = [
                *allowed,
                *(one for one in proved(depot.config, depot.store, depot.progress, lock, made) if one not in allowed),
            ]
            return made

        depot.progress.step(f"building the index of {name}")
        found: list[Trouble] = []
        with depot.isolation.each(name, found.append):
            tree |= make(parts.values())
        if found and not isinstance(found[0].error, UnsolvableError):  # nobody's in particular: they need each other
            held += _one_by_one(depot, parts, earlier, build)
            found.clear()
            with depot.isolation.each(name, found.append):
                tree |= make(parts.values())
        if found:  # whoever it is, the others' packages stay as they were published last
            before = {path: one for path, one in earlier.tree.items() if at_home(path).startswith(folders)}
            tree |= before
            held.append(Held(name, found[0].error, bool(before)))
    return tree, held, allowed


_Make = Callable[[Iterable[Part]], Tree]


@dataclass(frozen=True, slots=True)
class _Shared:
    """One repository that is shared, and all that several upstreams may bring to it."""

    depot: Depot
    lock: Lock
    general: Sequence[Built]
    earlier: Earlier
    kind: Shown

    def tree(self, parts: Iterable[Part]) -> Tree:
        those = tuple(parts)
        every = (*(one for part in those for one in part.built), *self.general)
        built = tuple(one for one in every if one.kind == self.kind.ecosystem.artifact)
        lock = joined([one.lock for one in those], self.lock)
        return self.kind.shows.tree(Material(self.depot, lock, built, self.earlier.snapshots))


def _one_by_one(depot: Depot, parts: dict[str, Part], earlier: Earlier, make: _Make) -> list[Held]:
    """Add one upstream after the other; put back, as it was last, each that cannot be shown with those before it."""
    held: list[Held] = []
    good: list[Part] = []
    for name, part in list(parts.items()):
        found: list[Trouble] = []
        with depot.isolation.each(name, found.append):
            make([*good, part])
            good.append(part)
        for one in found:
            kept = as_before(depot, name, earlier)
            held.append(held_back(one, kept))
            del parts[name]
            if kept:
                parts[name] = kept
                good.append(kept)
    return held


def statements(workshop: Workshop, lock: Lock, shown: Mapping[str, Digest], earlier: Earlier) -> Tree:
    """Return the statements about the packages that are shown; of older ones those that were made then."""
    from cudepot.workflows.build.provenance import provenance_tree  # noqa: PLC0415 - start-up is much of a small run

    made = provenance_tree(workshop, lock)
    kept = {
        path: one
        for path, one in earlier.tree.items()
        if path.startswith(_STATED) and path.removeprefix(_STATED).removesuffix(".json") in shown
    }
    return {**kept, **{path: one for path, one in made.items() if path[len(_STATED) : -len(".json")] in shown}}
