"""What a site shows of each upstream, made for one at a time, so that one's trouble holds back no other.

An upstream is taken whole: from the present lock, or, where that cannot be published, as it was published last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import own_folders, row_for, row_of
from cudepot.catalog.lock import Artifact, Lock, LockedUpstream
from cudepot.catalog.lock_parts import beside, split
from cudepot.catalog.mirror import site_folder
from cudepot.catalog.site.names import accepted, check_names
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.catalog.unsolvable import Unsolvable, refused
from cudepot.depot.builds import Built, builds_of_each, ever_built, not_built
from cudepot.depot.depot import Depot, Workshop
from cudepot.depot.history import History
from cudepot.depot.isolated import Trouble
from cudepot.depot.published_names import known_names
from cudepot.depot.snapshots import lock_of
from cudepot.depot.sync_memory import named_in, shown_trees, tree_hash
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError, FormatError, TrustError
from cudepot.kinds.mirror_files import read_whole
from cudepot.kinds.registry import showing
from cudepot.kinds.shows import Material
from cudepot.paths import safe_name
from cudepot.ports import Inspectable, Progress
from cudepot.store.local import LocalStore
from cudepot.store.present import absent
from cudepot.workflows.publish.from_site import from_site
from cudepot.workflows.publish.prove_solvable import unsolvable


class Held(NamedTuple):
    """What is not published as the lock says.

    Attributes:
        name: an upstream, a build, or a channel.
        error: why.
        kept: whether it stays as it was published last; else it is left out, because it never was.
    """

    name: str
    error: CudepotError
    kept: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What is published of one upstream.

    Attributes:
        lock: its part of a lock.
        tree: its own folders, path → content.
        built: packages made of it.
        waiting: builds that have not been made, and why.
        unsolvable: what of it no client could install, which somebody allowed.
        lost: what the last snapshot showed of it, and neither the store nor the site has any more.
    """

    lock: Lock
    tree: dict[str, Digest] = field(default_factory=dict)
    built: tuple[Built, ...] = ()
    waiting: tuple[Trouble, ...] = ()
    unsolvable: tuple[Unsolvable, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def mirrored(self) -> list[Artifact]:
        """Packages published as they are in a repository that all upstreams share: wheels."""
        return [one for one in _of_shared(self.lock) if one.is_mirrored]

    def shared(self, channel: str) -> dict[str, Digest]:
        """Return what it brings to these repositories: site path → content; ``channel`` is the conda channel's name."""
        mirrored = {one.site_path: one.digest for one in self.mirrored}
        return mirrored | {one.place(channel): one.digest for one in self.built}


class Earlier:
    """What was published before: asked for by several parts, found out once."""

    def __init__(self, store: LocalStore, history: History, snapshots: Sequence[Snapshot]) -> None:
        self.snapshots, self._store, self._history = snapshots, store, history
        self._names: Mapping[str, list[str]] | None = None
        self._locked: Lock | None = None
        self._locks: Mapping[str, Lock] | None = None
        self._shown_trees: Mapping[tuple[str, str], str] | None = None

    def load(self) -> None:
        """Read the record of names; raise CudepotError when it was changed: that is no upstream's trouble."""
        self._names = known_names(self._store, self._history)

    @property
    def tree(self) -> Mapping[str, Digest]:
        """The last snapshot's tree."""
        return self.snapshots[0].tree if self.snapshots else {}

    def last(self, path: str) -> Digest | None:
        """Return what a path was last; None where none of the snapshots has it."""
        return next((one.tree[path] for one in self.snapshots if path in one.tree), None)

    @property
    def shown_trees(self) -> Mapping[tuple[str, str], str]:
        """What sync found whole mirrors to show; see :func:`~cudepot.depot.sync_memory.shown_trees`."""
        if self._shown_trees is None:
            self._shown_trees = shown_trees(self._store) if self.snapshots else {}
        return self._shown_trees

    @property
    def names(self) -> Mapping[str, list[str]]:
        """Every name of a conda package or wheel that was ever shown."""
        if self._names is None:
            self._names = known_names(self._store, self._history)
        return self._names

    def lock(self, upstream: str) -> Lock:
        """Return the part of the last snapshot's lock that is an upstream's; empty where there is none."""
        if self._locks is None:
            self._locks = split(self.locked)
        return self._locks.get(upstream, Lock())

    @property
    def locked(self) -> Lock:
        """The last snapshot's lock; an empty one where there is none."""
        if self._locked is None:
            self._locked = lock_of(self._store, self.snapshots[0]) if self.snapshots else Lock()
        return self._locked


def parts_of(depot: Depot, lock: Lock, earlier: Earlier) -> tuple[dict[str, Part], list[Held]]:
    """Return what is to be published of each upstream, and what is not published as the lock says."""
    parts: dict[str, Part] = {}
    held: list[Held] = []
    for name, mine in split(lock).items():
        depot.progress.step(f"looking for the packages of {name}")
        found: list[Trouble] = []
        with depot.isolation.each(name, found.append):
            parts[name] = _part(depot, mine, earlier)
        for one in found:
            kept = as_before(depot, name, earlier)
            held.append(held_back(one, kept))
            parts |= {name: kept} if kept else {}
        held += [_waiting(one, earlier) for one in (parts[name].waiting if not found else ())]
    return parts, held


def _waiting(one: Trouble, earlier: Earlier) -> Held:
    return Held(one.name, one.error, bool(earlier.snapshots))


def as_before(depot: Depot, name: str, earlier: Earlier) -> Part | None:
    """Return what was published of an upstream last, its roots signed anew where they wear out; None for nothing.

    What neither the store nor the site has any more is left out: nothing can be shown of it.
    """
    found: list[Trouble] = []
    last = Lock()
    with depot.isolation.each(name, found.append):
        last = earlier.lock(name)
    if not last.upstreams:
        return None
    lost = _bring_back(depot.config, depot.store, depot.inspectable(), last, earlier)
    here = replace(last, artifacts=tuple(one for one in last.artifacts if one.digest not in set(lost.values())))
    built = tuple(
        one for one in _shown_of(depot.config, depot.store, last, earlier) if one.digest not in set(lost.values())
    )
    with depot.isolation.each(name, found.append):
        made = _part(depot, here, earlier)
        return replace(made, built=built, waiting=(), lost=tuple(lost))
    tree = {path: one for path, one in _copied(last, earlier.tree).items() if path not in lost}
    return Part(here, tree, built, lost=tuple(lost))


def made_again(depot: Depot, part: Part, earlier: Earlier) -> Part:
    """Return a part whose files have changed, with the repository that has them; what was built of it stays.

    Raises:
        CudepotError: it cannot be made.
    """
    made = _part(depot, part.lock, earlier)
    return replace(part, tree=made.tree, unsolvable=made.unsolvable)


def held_back(trouble: Trouble, kept: Part | None) -> Held:
    """Return what is told of an upstream that is not published as the lock says, and of what it lost beside."""
    error = trouble.error
    if kept and kept.lost:
        text = f"{error}; {len(kept.lost)} files that were shown are lost from store and site and now left out"
        error = error.retold(f"{text}, for example {kept.lost[0]}")
        error.hint = (
            "run `cudepot sync`, `cudepot repackage` if anything is repackaged, and `cudepot publish`: what the "
            "upstream still has comes back; for the rest, restore the store from a backup, or pin other files"
        )
    return Held(trouble.name, error, kept is not None)


def _bring_back(
    config: Config, store: LocalStore, site: Inspectable, last: Lock, earlier: Earlier
) -> dict[str, Digest]:
    """Take back from the site what it shows of an upstream and the store has lost; return what it has not either."""
    shared = {one.site_path for one in _of_shared(last)}
    shown = _copied(last, earlier.tree) | {path: one for path, one in earlier.tree.items() if path in shared}
    shown |= {one.place(config.site.channel): one.digest for one in _shown_of(config, store, last, earlier)}
    lacking = {path: digest for path, digest in shown.items() if not store.has(digest)}
    return {
        path: digest
        for path, digest in lacking.items()
        if not from_site(store, site, earlier.snapshots[0], path, digest)
    }


def _copied(lock: Lock, tree: Mapping[str, Digest]) -> dict[str, Digest]:
    """Return an upstream's folders exactly as they were: for what cannot even be made again."""
    folders = tuple(folder for one in lock.upstreams for folder in own_folders(one.name))
    return {path: digest for path, digest in tree.items() if path.startswith(folders)}


def _of_shared(lock: Lock) -> list[Artifact]:
    """Return the artifacts of ecosystems in which all upstreams share a repository."""
    return [one for one in lock.artifacts if not row_for(one.kind).per_upstream]


def _shown_of(config: Config, store: LocalStore, last: Lock, earlier: Earlier) -> tuple[Built, ...]:
    """Return the packages of an upstream that the last snapshot shows."""
    channel, every = config.site.channel, dict.fromkeys(ever_built(store, last))
    return tuple(one for one in every if earlier.tree.get(one.place(channel)) == one.digest)


def _part(depot: Depot, lock: Lock, earlier: Earlier) -> Part:
    """Make what is published of one upstream.

    Raises:
        ConfigError: something of it is not in the store.
        TrustError: a published package would get other bytes.
        FormatError: it cannot be described.
    """
    upstream = lock.upstreams[0]
    mirrored = _as_shown(depot.store, upstream, earlier) or _whole_tree(depot.store, upstream)
    _check_present(depot.store, depot.progress, lock, mirrored)
    depot.progress.step(f"building and signing the index of {upstream.name}")
    material = Material(depot, lock, (), earlier.snapshots)
    tree = {path: one for kind in showing(lock) for path, one in kind.shows.tree(material).items()} | mirrored
    for path in tree.keys() - earlier.tree.keys():
        if safe_name(path) != path:
            raise FormatError(
                f"{path!r} cannot be published: not a plain path", hint="the store may have been tampered with"
            )
    _check_immutable(earlier, tree, lock)
    part = _with_builds(
        depot.workshop,
        depot.store,
        Part(lock, tree, unsolvable=proved(depot.config, depot.store, depot.progress, lock, tree)),
        earlier,
    )
    _check_names(depot.config, part, earlier)
    return part


def _with_builds(workshop: Workshop, store: LocalStore, part: Part, earlier: Earlier) -> Part:
    """Add what was built; until all of it is, packages that are shown already stay beside the new ones."""
    made = builds_of_each(workshop, part.lock)
    built = [one for _, found in made for one in found or ()]
    waiting = tuple(Trouble(str(job), not_built(job)) for job, found in made if found is None)
    if waiting and earlier.snapshots:
        built += _shown_of(workshop.config, store, earlier.lock(part.lock.upstreams[0].name), earlier)
    return replace(part, built=tuple(dict.fromkeys(built)), waiting=waiting)


def proved(
    config: Config, store: LocalStore, progress: Progress, lock: Lock, tree: Mapping[str, Digest]
) -> tuple[Unsolvable, ...]:
    """Return what no client could install from a tree, as far as somebody allowed that; raise UnsolvableError else."""
    progress.step(f"checking that all of {', '.join(one.name for one in lock.upstreams)} can be installed")
    found = unsolvable(config, store, lock, tree)
    for error in refused(found, lock.allowed_unsolvable).values():
        raise error
    return tuple(found)


def _check_names(config: Config, part: Part, earlier: Earlier) -> None:
    named = part.shared(config.site.channel)
    if named:
        check_names(named, earlier.names, accepted(part.lock))


def _as_shown(store: LocalStore, upstream: LockedUpstream, earlier: Earlier) -> dict[str, Digest]:
    """Return the site paths of a whole mirror as the last snapshot has them, where these are what its index names.

    That they are says a hash, which the sync that read the index noted; the paths themselves were signed.
    """
    noted = earlier.shown_trees.get(named_in(upstream)) if upstream.files else None
    folder = site_folder(upstream)
    if noted is None or tree_hash(earlier.tree, folder) != noted:
        return {}
    if not all(store.has(one.digest) for one in upstream.files):
        return {}
    return {path: one for path, one in earlier.tree.items() if path.startswith(folder)}


def _whole_tree(store: LocalStore, upstream: LockedUpstream) -> dict[str, Digest]:
    """Return the site paths of a whole mirror: every file as the upstream has it; empty for another upstream."""
    if not upstream.files:
        return {}
    if not all(store.has(one.digest) for one in upstream.files):
        raise ConfigError(f"files of {upstream.name} are not in the store", hint="run `cudepot sync`")
    found = read_whole(store, upstream)
    if found.unknown:
        raise ConfigError(
            f"{len(found.unknown)} packages of {upstream.name} are not in the store", hint="run `cudepot sync`"
        )
    return {site_folder(upstream) + path: digest for path, digest in found.shown.items()}


def _check_present(store: LocalStore, progress: Progress, lock: Lock, mirrored: Mapping[str, Digest]) -> None:
    locked = [*((one.filename, one.digest) for one in lock.artifacts), *mirrored.items()]
    locked += [(path, digest) for _, path, digest in beside(lock)]
    lacking = absent(store, progress, [digest for _, digest in locked])
    missing = [name for name, digest in locked if digest in lacking] if lacking else []
    if missing:
        raise ConfigError(
            f"{len(missing)} locked artifacts are not in the store, or damaged there, for example {missing[0]}",
            hint="run `cudepot sync`",
        )


def is_kept_by_path(path: str) -> bool:
    """Return whether a path stands for its bytes; conda packages and wheels are known by their names, for ever."""
    row = row_of(path)
    return row is not None and not row.known_by_name


def _check_immutable(earlier: Earlier, tree: Mapping[str, Digest], lock: Lock) -> None:
    """Refuse other bytes of a deb, rpm or plain file than it had last, unless the lock accepted the change."""
    replaced, last = accepted(lock), earlier.tree
    changed = [(path, digest) for path, digest in tree.items() if last.get(path) is not digest]
    for path, digest in changed:
        before = earlier.last(path) if is_kept_by_path(path) else None
        if before not in (None, digest):
            assert before is not None
            if (before.sha256, digest.sha256) in replaced:
                continue
            raise TrustError(
                f"{path} was published with sha256 {before.sha256} and would become {digest.sha256}",
                hint="a published package never changes: if upstream changed it, ask why, then see "
                "`cudepot lock --accept-changed NAME`",
            )
