"""The parts of a site that several upstreams share: the conda channel, the wheel index, the statements about both.

What one upstream brings to them is tried alone when all of it together cannot be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from cudepot.catalog.ecosystems import CONDA, WHEELS, ArtifactKind
from cudepot.catalog.lock import Lock
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.builds import Built
from cudepot.depot.depot import Depot
from cudepot.depot.isolated import Trouble, each_alone
from cudepot.digest import Digest
from cudepot.errors import UnsolvableError
from cudepot.kinds.conda.publish import conda_tree
from cudepot.workflows.publish.parts import Earlier, Held, Part, as_before, held_back, proved

Tree = dict[str, Digest]


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
    for name, folders, build in _shared(depot, general, earlier):

        def make(those: Iterable[Part], build: _Make = build) -> Tree:
            made = build(those)
            allowed[:] = [*allowed, *(one for one in proved(depot, lock, made) if one not in allowed)]
            return made

        depot.progress.step(f"building the index of {name}")
        found: list[Trouble] = []
        with each_alone(depot, name, found.append):
            tree |= make(parts.values())
        if found and not isinstance(found[0].error, UnsolvableError):  # nobody's in particular: they need each other
            held += _one_by_one(depot, parts, earlier, build)
            found.clear()
            with each_alone(depot, name, found.append):
                tree |= make(parts.values())
        if found:  # whoever it is, the others' packages stay as they were published last
            before = {path: one for path, one in earlier.tree.items() if path.startswith(folders)}
            tree |= before
            held.append(Held(name, found[0].error, bool(before)))
    return tree, held, allowed


_Make = Callable[..., Tree]


def _shared(depot: Depot, general: Sequence[Built], earlier: Earlier) -> list[tuple[str, tuple[str, ...], _Make]]:
    channel = f"{CONDA.room}/{depot.config.site.channel}"

    def conda(parts: Iterable[Part]) -> Tree:
        packages = [*(one for part in parts for one in part.conda), *general]
        known = {one.digest.sha256: one.md5 for one in packages if one.md5}
        named = [(one.subdir, one.filename, one.digest) for one in packages]
        return conda_tree(depot, named, earlier.snapshots, known)

    def wheels(parts: Iterable[Part]) -> Tree:
        return _wheel_tree(depot, list(parts), earlier)

    index = WHEELS.index_room
    return [(channel, (f"{channel}/",), conda), (index, (f"{index}/", f"{WHEELS.room}/"), wheels)]


def _one_by_one(depot: Depot, parts: dict[str, Part], earlier: Earlier, make: _Make) -> list[Held]:
    """Add one upstream after the other; put back, as it was last, each that cannot be shown with those before it."""
    held: list[Held] = []
    good: list[Part] = []
    for name, part in list(parts.items()):
        found: list[Trouble] = []
        with each_alone(depot, name, found.append):
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


def statements(depot: Depot, lock: Lock, shown: Mapping[str, Digest], earlier: Earlier) -> Tree:
    """Return the statements about the packages that are shown; of older ones those that were made then."""
    from cudepot.workflows.build.provenance import provenance_tree  # noqa: PLC0415 - start-up is much of a small run

    made = provenance_tree(depot, lock)
    kept = {
        path: one
        for path, one in earlier.tree.items()
        if path.startswith("provenance/") and path.removeprefix("provenance/").removesuffix(".json") in shown
    }
    return {**kept, **{path: one for path, one in made.items() if path[len("provenance/") : -len(".json")] in shown}}


def _wheel_tree(depot: Depot, parts: Sequence[Part], earlier: Earlier) -> Tree:
    mirrored = [one for part in parts for one in part.mirrored_wheels]
    built = [(one.filename, one.digest) for part in parts for one in part.built if one.kind == ArtifactKind.WHEEL]
    if not (mirrored or built):
        return {}
    from cudepot.kinds.wheels.publish import wheel_tree  # noqa: PLC0415 - start-up is much of a small run

    return wheel_tree(depot, mirrored, built, earlier.snapshots)
