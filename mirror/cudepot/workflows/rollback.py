"""``cudepot rollback``: show an older snapshot again, as a new signed one, so that numbers and dates only grow."""

from __future__ import annotations

from dataclasses import dataclass

from cudepot.catalog.snapshot import Snapshot
from cudepot.catalog.snapshot_diff import Change
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError
from cudepot.store.snapshots import Snapshots
from cudepot.workflows.depot import Depot
from cudepot.workflows.history import load_snapshot
from cudepot.workflows.imported import choose
from cudepot.workflows.present import absent
from cudepot.workflows.proof import read
from cudepot.workflows.publish_apt import renewed
from cudepot.workflows.publish_page import with_page
from cudepot.workflows.publish_yum import renewed_yum
from cudepot.workflows.show import keep, next_number, now, show
from cudepot.workflows.snapshots import diff_snapshots, find_snapshot, lock_of


@dataclass(frozen=True, slots=True)
class RollbackResult:
    """What rolling back did, or would do.

    Attributes:
        number: the snapshot shown now.
        shows: the older one whose packages it has.
        changes: what differs from what was shown last.
        lock: whether cudepot.lock was put back as well.
        site: what a web server has to show.
    """

    number: int
    shows: int
    changes: tuple[Change, ...]
    lock: bool
    site: str


def rollback(depot: Depot, number: int, *, dry_run: bool = False, lock: bool = False) -> RollbackResult:
    """Show the packages of snapshot ``number`` again.

    Args:
        depot: the depot.
        number: the older snapshot.
        dry_run: change nothing.
        lock: put cudepot.lock back as it was then; else the next ``publish`` shows what it says now.

    Raises:
        ConfigError: there is no such snapshot, it is the newest, or the store lacks objects of it.
    """
    old = find_snapshot(depot, number)
    newest = _newest(depot)
    if depot.config.site.origin:
        return _show_imported(depot, old, dry_run=dry_run)
    if number == newest.number:
        raise ConfigError(f"snapshot {number} is what was published last", hint="see `cudepot snapshots`")
    changes = diff_snapshots(depot, newest.number, number)
    _check_whole(depot, old)
    tree = renewed(depot, old, newest) | renewed_yum(depot, old, newest)
    made = next_number(depot, [newest])
    if not dry_run:
        made_of, was, created = read(depot.store, old.lock), lock_of(depot, old), now(depot)
        tree = with_page(depot, was, tree, made, created)
        keep(depot, made_of, was, made, tree, [newest], created=created, rollback=number)
        show(depot, made, tree)
        if lock:
            write_atomic(depot.lock_path, made_of)
    return RollbackResult(made, number, changes, lock, depot.site().where)


def _show_imported(depot: Depot, old: Snapshot, *, dry_run: bool) -> RollbackResult:
    """Switch to a snapshot that came in a bundle, as it was signed: this side cannot sign its roots anew."""
    shown = depot.site().current()
    changes = diff_snapshots(depot, shown, old.number) if shown in Snapshots(depot.store.root).numbers() else ()
    _check_whole(depot, old)
    if not dry_run:
        choose(depot, old.number)
        show(depot, old.number, old.tree)
    return RollbackResult(old.number, old.number, changes, False, depot.site().where)


def _newest(depot: Depot) -> Snapshot:
    snapshots = Snapshots(depot.store.root)
    return load_snapshot(snapshots, snapshots.numbers()[-1], depot.site_verifier())


def _check_whole(depot: Depot, snapshot: Snapshot) -> None:
    named = {**snapshot.tree, "its lock": snapshot.lock}
    lacking = absent(depot, named.values())
    missing = [path for path, digest in named.items() if digest in lacking]
    if missing:
        raise ConfigError(
            f"snapshot {snapshot.number} cannot be shown: {len(missing)} of its files are not in the store, "
            f"or damaged there, {missing[0]} for one",
            hint="`cudepot verify` lists them; on the far side of an air gap, see `cudepot bundle missing`",
        )
