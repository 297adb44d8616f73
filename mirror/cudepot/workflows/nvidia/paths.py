"""NVIDIA's paths of a site: what the tree has already, where NVIDIA's URLs have it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import APT, FILES
from cudepot.catalog.lock import Lock
from cudepot.catalog.mirror import leading_away
from cudepot.catalog.nvidia.site_paths import Shown, bare, below, copies, place, planned, shown
from cudepot.catalog.site.snapshot import Tree
from cudepot.depot.depot import Depot
from cudepot.depot.isolated import Trouble
from cudepot.digest import Digest
from cudepot.store.local import LocalStore

_AWAY = "is not published: it would point clients at the upstream's own host (`cudepot client` writes the site's)"
_NO_URL = (
    "NVIDIA's paths: without cuda-keyring, .repo and .list, which need the site's address: it is not set; "
    'set `url = "https://…"` in [site]'
)


class WithNvidia(NamedTuple):
    """A tree with NVIDIA's paths, and a line for each thing that is not there."""

    tree: dict[str, Digest]
    notes: tuple[str, ...] = ()


def with_nvidia(depot: Depot, lock: Lock, tree: Tree) -> WithNvidia:
    """Return a tree with NVIDIA's paths as they have to be now; what it had of them before is gone.

    Args:
        depot: the depot; new files are put into its store.
        lock: what the tree was made from.
        tree: all else that the site shows.
    """
    found = bare(tree)
    notes = tuple(f"{one.name}: {path} {_AWAY}" for one in lock.upstreams for path in leading_away(one))
    if depot.config.site.nvidia_paths is False or not any(place(one) for one in lock.upstreams):
        return WithNvidia(found, notes)
    from cudepot.workflows.nvidia.made_files import made_files  # noqa: PLC0415 - where the site has such paths

    places, left = planned(lock.upstreams, found, _hosts(depot.config))
    twins = {path: one for part in places for path, one in _copies(depot.store, part, found, lock).items()}
    troubles: list[Trouble] = []
    files = made_files(depot, places, found, troubles)
    added = {path: depot.store.add_bytes(data) for path, data in files.items()}
    return WithNvidia(found | twins | added, (*notes, *_lacking(depot.config, places, left, troubles)))


def _lacking(
    config: Config, places: Sequence[Shown], left: Sequence[Shown], troubles: Sequence[Trouble]
) -> Iterator[str]:
    """Say what is not below NVIDIA's paths, and why."""
    for one in left:
        yield f"{one.folder} shows the first upstream with that URL, not {one.upstream.name}"
    for trouble in troubles:
        yield f"{trouble.name}: no key or source below NVIDIA's paths: {trouble.error}"
    if not config.site.reached_at and any(one.upstream.row is not FILES for one in places):
        yield _NO_URL


def _copies(store: LocalStore, one: Shown, tree: Tree, lock: Lock) -> dict[str, Digest]:
    """Return what lies in one of NVIDIA's folders; a manifest, which only the lock names, may be lost."""
    found = copies(one, tree, lock.artifacts)
    if one.upstream.row is not FILES:
        return found
    lost = {root.digest for root in one.upstream.roots if not store.has(root.digest)}
    return {path: digest for path, digest in found.items() if digest not in lost}


@dataclass(frozen=True, slots=True)
class Copies:
    """What a bucket holds a second time, copied on its server: objects and bytes; none in a folder, which has links."""

    files: int = 0
    bytes: int = 0


NO_COPIES = Copies()


def copies_of(config: Config, lock: Lock, tree: Tree) -> Copies:
    """Return what NVIDIA's paths take in a bucket; packages of whole apt repositories have a name with ``./`` too."""
    place = config.site.place
    if place.has_links:
        return NO_COPIES
    sizes = {path: one.size for path, one in tree.items() if below(path)}
    whole = tuple(one.folder for one in shown(tree, lock.upstreams) if one.upstream.files and not one.upstream.is_yum)
    dotted = [size for path, size in sizes.items() if path.startswith(whole) and path.endswith(APT.suffixes)]
    again = [*sizes.values(), *(dotted if place.dotted_names else ())]
    return Copies(len(again), sum(again))


def _hosts(config: Config) -> Collection[str] | None:
    """Return the hosts whose paths count; None where all do because somebody said so."""
    if config.site.nvidia_paths:
        return None
    from cudepot.depot.shipped import load_presets  # noqa: PLC0415 - likewise

    return load_presets().hosts
