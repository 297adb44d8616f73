"""``cudepot publish``: make a snapshot of the lock and the packages built from it, and show it on the site."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import tomli_w

from cudepot.catalog.holdings import files_of
from cudepot.catalog.lock import Lock
from cudepot.catalog.lock_document import render_lock
from cudepot.catalog.names import accepted, check_names
from cudepot.catalog.snapshot import Snapshot, Tree
from cudepot.catalog.unsolvable import Unsolvable, notes, refused
from cudepot.catalog.whole import site_folder
from cudepot.digest import Digest
from cudepot.errors import ConfigError, FormatError, TrustError
from cudepot.paths import safe_name
from cudepot.store.snapshots import Snapshots
from cudepot.workflows.builds import Built, builds_of
from cudepot.workflows.depot import Depot
from cudepot.workflows.held import with_last_channel, with_last_good
from cudepot.workflows.history import latest_snapshots
from cudepot.workflows.imported import wanted
from cudepot.workflows.lock import current_lock
from cudepot.workflows.names import known_names
from cudepot.workflows.present import absent
from cudepot.workflows.prove_solvable import unsolvable
from cudepot.workflows.publish_apt import apt_tree
from cudepot.workflows.publish_clients import clients_tree
from cudepot.workflows.publish_conda import conda_tree
from cudepot.workflows.publish_page import with_page
from cudepot.workflows.show import check_private, keep, next_number, now, show
from cudepot.workflows.snapshots import find_snapshot
from cudepot.workflows.unsigned import unsigned
from cudepot.workflows.whole import read_whole, wholes

HISTORY = 12
"""Snapshots looked back at: for generations of indexes, and for debs and rpms that must not change."""
_PACKAGES = (".deb", ".rpm", ".conda", ".whl")
"""Endings of what never changes once it is published; whatever lies below ``files/`` does not either."""


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What publishing did.

    Attributes:
        number: the snapshot shown now (or that would be, in a dry run).
        fresh: whether it is a new snapshot.
        added, removed: site paths of packages that came and went.
        files, bytes: the whole tree.
        site: what a web server has to show: a folder or ``s3://…``.
        held: upstreams that stay as they were published last: artifacts are missing, or cannot be installed.
        unsigned: a line for each upstream that nobody signed.
        unsolvable: a line for each repository that is allowed although not all of it can be installed.
        foreign: what the conda channel leaves to another one.
    """

    number: int
    fresh: bool
    added: tuple[str, ...]
    removed: tuple[str, ...]
    files: int
    bytes: int
    site: str
    held: tuple[str, ...] = ()
    unsigned: tuple[str, ...] = ()
    unsolvable: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def publish(depot: Depot, *, dry_run: bool = False, keep_last: bool = False) -> PublishResult:
    """Publish what the lock says; an unchanged tree gives no new snapshot.

    With ``keep_last``, an upstream of which locked artifacts are missing, or that cannot be installed, stays as it was
    published last.

    Raises:
        UnsolvableError: a repository cannot be installed from the site, and nobody allowed that.
        StorageError: the site's disk refuses; the old site stays.
        ConfigError: the lock is out of date, an artifact is missing, or a recipe has not been run.
        TrustError: a package that was published before would get other bytes.
        EulaError: the site is marked public.
    """
    check_private(depot)
    if depot.config.site.origin:
        return _publish_imported(depot, dry_run=dry_run)
    lock = current_lock(depot)
    snapshots = Snapshots(depot.store.root)
    earlier = latest_snapshots(snapshots, depot.site_verifier(), HISTORY) if snapshots.numbers() else []
    lock, held = with_last_good(depot, lock, earlier) if keep_last else (lock, ())
    tree = _present_tree(depot, lock, earlier)
    found = unsolvable(depot, lock, tree, held)
    if errors := refused(found, lock.allowed_unsolvable):
        lock, also = with_last_good(depot, lock, earlier, errors.keys()) if keep_last else (lock, ())
        channel = f"conda/{depot.config.site.channel}"
        last = earlier[0].tree if keep_last and earlier and channel in errors else {}
        also += (channel,) if any(path.startswith(f"{channel}/") for path in last) else ()
        for name in errors.keys() - set(also):
            raise errors[name]
        held, tree = (*held, *also), _present_tree(depot, lock, earlier)
        tree = with_last_channel(tree, last, channel) if channel in also else tree
    tree |= clients_tree(depot, lock, tree)
    for path in tree:
        if safe_name(path) != path:
            raise FormatError(f"{path!r} cannot be published: not a plain path", hint="the store may be tampered with")
    before: Mapping[str, Digest] = earlier[0].tree if earlier else {}
    _check_immutable(earlier, tree, accepted(lock))
    check_names(tree, known_names(depot), accepted(lock))
    fresh = not earlier or with_page(depot, lock, tree, earlier[0].number, earlier[0].created) != before
    number = next_number(depot, earlier) if fresh else earlier[0].number
    created = now(depot) if fresh else earlier[0].created
    tree, foreign = with_page(depot, lock, tree, number, created), _foreign(depot, tree)
    if not dry_run:
        if fresh:
            made_of = tomli_w.dumps(render_lock(lock)).encode() if held else depot.lock_path.read_bytes()
            keep(depot, made_of, lock, number, tree, earlier, created=created)
        show(depot, number, tree)
    return PublishResult(
        number, fresh, *_moves(before, tree), depot.site().where, held, *_doubts(depot, lock, found), foreign
    )


def _doubts(depot: Depot, lock: Lock, found: Sequence[Unsolvable]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is to be told of what nobody signed, and of what cannot be installed and is allowed."""
    return unsigned(depot, lock), notes(found, lock.allowed_unsolvable)


def _foreign(depot: Depot, tree: Tree) -> tuple[str, ...]:
    if not any(path.startswith("conda/") for path in tree):
        return ()
    from cudepot.workflows.prove_conda import foreign  # noqa: PLC0415 - where there is a channel

    return foreign(depot, tree)


def _present_tree(depot: Depot, lock: Lock, earlier: Sequence[Snapshot]) -> dict[str, Digest]:
    """Return the whole tree of a lock, all of which is here."""
    mirrored = _whole_tree(depot, lock)
    _check_present(depot, lock, mirrored)
    return {**_tree(depot, lock, earlier), **mirrored}


def _publish_imported(depot: Depot, *, dry_run: bool) -> PublishResult:
    """Show the newest snapshot that came in a bundle, or the older one `rollback` chose since, as it was signed."""
    number, shown = wanted(depot), depot.site().current()
    snapshot = find_snapshot(depot, number)
    known = shown in Snapshots(depot.store.root).numbers()
    before = find_snapshot(depot, shown).tree if shown is not None and known else {}
    if not dry_run:
        show(depot, number, snapshot.tree)
    return PublishResult(number, number != shown, *_moves(before, snapshot.tree), depot.site().where)


def _moves(before: Tree, tree: Tree) -> tuple[tuple[str, ...], tuple[str, ...], int, int]:
    """Return the packages that came and went, and how many files and bytes the tree has."""
    came, went = (
        tuple(path for path in sorted(one) if _is_package(path))
        for one in (tree.keys() - before.keys(), before.keys() - tree.keys())
    )
    return came, went, len(tree), sum(one.size for one in set(tree.values()))


def _is_package(path: str) -> bool:
    return path.endswith(_PACKAGES) or path.startswith("files/")


def _is_kept_by_path(path: str) -> bool:
    """Tell whether a path stands for its bytes; conda packages and wheels are known by their names, for ever."""
    return path.endswith((".deb", ".rpm")) or path.startswith("files/")


def _whole_tree(depot: Depot, lock: Lock) -> dict[str, Digest]:
    """Return the site paths of all whole mirrors: every file as the upstream has it."""
    tree: dict[str, Digest] = {}
    for one in wholes(lock):
        found = read_whole(depot, one)
        if found.unknown:
            raise ConfigError(
                f"{len(found.unknown)} packages of {one.name} are not in the store", hint="run `cudepot sync`"
            )
        tree |= {site_folder(one) + path: digest for path, digest in found.tree.items()}
    return tree


def _check_present(depot: Depot, lock: Lock, mirrored: Mapping[str, Digest]) -> None:
    locked = [*((one.filename, one.digest) for one in lock.artifacts), *mirrored.items()]
    lacking = absent(depot, [digest for _, digest in locked])
    missing = [name for name, digest in locked if digest in lacking]
    if missing:
        raise ConfigError(
            f"{len(missing)} locked artifacts are not in the store, or damaged there, {missing[0]} for one",
            hint="run `cudepot sync`",
        )


def _tree(depot: Depot, lock: Lock, earlier: Sequence[Snapshot]) -> dict[str, Digest]:
    built = builds_of(depot, lock)
    wheels = [(one.filename, one.digest) for one in _kind(built, "wheel")]
    packages = [(one.subdir, one.filename, one.digest) for one in _kind(built, "conda")]
    return {
        **apt_tree(depot, lock, earlier),
        **_yum_tree(depot, lock, earlier),
        **conda_tree(depot, packages, earlier, {one.digest.sha256: one.md5 for one in built if one.md5}),
        **_wheel_tree(depot, lock, wheels, earlier),
        **(_provenance_tree(depot, lock) if built else {}),
        **{path: one.digest for path, one in files_of(lock)},
        "keys/site.asc": depot.store.add_bytes(depot.signer().public_key(armor=True)),
        "keys/site.gpg": depot.store.add_bytes(depot.signer().public_key(armor=False)),
    }


# Each kind loads what it needs when it is there: start-up is much of a small run.


def _yum_tree(depot: Depot, lock: Lock, earlier: Sequence[Snapshot]) -> dict[str, Digest]:
    if not any(one.is_yum for one in lock.upstreams):
        return {}
    from cudepot.workflows.publish_yum import yum_tree  # noqa: PLC0415

    return yum_tree(depot, lock, earlier)


def _wheel_tree(
    depot: Depot, lock: Lock, built: Sequence[tuple[str, Digest]], earlier: Sequence[Snapshot]
) -> dict[str, Digest]:
    mirrored = [one for one in lock.artifacts if one.kind == "wheel" and "mirror" in one.outputs]
    if not (mirrored or built):
        return {}
    from cudepot.workflows.publish_wheels import wheel_tree  # noqa: PLC0415

    return wheel_tree(depot, mirrored, built, earlier)


def _provenance_tree(depot: Depot, lock: Lock) -> dict[str, Digest]:
    from cudepot.workflows.provenance import provenance_tree  # noqa: PLC0415

    return provenance_tree(depot, lock)


def _kind(built: Sequence[Built], kind: str) -> list[Built]:
    return [one for one in built if one.kind == kind]


def _check_immutable(
    earlier: Sequence[Snapshot], tree: Mapping[str, Digest], replaced: Collection[tuple[str, str]]
) -> None:
    """Refuse other bytes of a deb, rpm or plain file than it had last, unless the lock accepted the change."""
    before: dict[str, Digest] = {}
    for one in reversed(earlier):
        before |= one.tree
    for path in tree:
        if _is_kept_by_path(path) and before.get(path, tree[path]) != tree[path]:
            if (before[path].sha256, tree[path].sha256) in replaced:
                continue
            raise TrustError(
                f"{path} was published with sha256 {before[path].sha256} and would become {tree[path].sha256}",
                hint="a published package never changes: if upstream changed it, ask why, then see "
                "`cudepot lock --accept-changed`",
            )
