"""``cudepot rollback``: show an older snapshot again, as a new signed one, so numbers and dates only grow."""

from __future__ import annotations

from dataclasses import dataclass

from cudepot.catalog.site.diff import Change
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.clock import check_clock, timestamp
from cudepot.depot.depot import Depot
from cudepot.depot.history import History
from cudepot.depot.snapshots import lock_of
from cudepot.errors import ConfigError
from cudepot.kinds.site_roots import own_roots
from cudepot.ports import Progress
from cudepot.store.local import LocalStore
from cudepot.store.present import absent
from cudepot.user_files import write_user_file
from cudepot.workflows.bundle.shown_import import choose
from cudepot.workflows.nvidia.paths import with_nvidia
from cudepot.workflows.publish.client_files import keys_tree
from cudepot.workflows.publish.hold import Hold
from cudepot.workflows.publish.make_snapshot import announced, keep_snapshot, next_number, show_snapshot
from cudepot.workflows.publish.page import with_page
from cudepot.workflows.snapshots import diff_snapshots


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
        lock: put cudepot.lock back as it was then.

    Raises:
        ConfigError: there is no such snapshot, it is the newest, or the store lacks objects of it.
    """
    old = depot.history.find(number)
    newest = _newest(depot.history)
    if depot.config.site.origin:
        return _show_imported(depot, old, dry_run=dry_run)
    check_clock(depot.store, depot.clock)
    if number == newest.number:
        raise ConfigError(f"snapshot {number} is the last one published", hint="see `cudepot snapshots`")
    changes = diff_snapshots(depot.store, depot.history, depot.progress, newest.number, number)
    check_whole(depot.store, depot.progress, old)
    made = next_number(depot.site(), depot.store.snapshots) if dry_run else _show_again(depot, old, newest, number)
    if not dry_run:
        announced(depot)
    if lock and not dry_run:
        write_user_file(depot.lock_path, depot.store.read(old.lock))
    return RollbackResult(made, number, changes, lock, depot.site().where)


def _show_again(depot: Depot, old: Snapshot, newest: Snapshot, shows: int) -> int:
    """Make and show a snapshot of what an older one has, its roots signed anew; return its number."""
    made = made_again(depot, old, newest, shows)
    show_snapshot(depot, made)
    return made


def made_again(depot: Depot, old: Snapshot, newest: Snapshot, shows: int, channel: str = "") -> int:
    """Make a snapshot of what an older one has, its roots later than those of ``newest``; return its number.

    With ``channel`` it is for that channel of the site alone.
    """
    depot.progress.step(f"signing the roots of snapshot {old.number} again")
    tree = {**old.tree}
    for root in own_roots(old):
        tree |= root.shows.renewed(depot.signing, root.path, old, newest)
    tree |= keys_tree(depot.store, depot.signer)
    made, created = next_number(depot.site(), depot.store.snapshots), timestamp(depot.clock)
    made_of, was = depot.store.read(old.lock), lock_of(depot.store, old)
    tree = with_page(depot, was, with_nvidia(depot, was, tree).tree, made, created)
    keep_snapshot(depot, made_of, was, made, tree, created=created, rollback=shows, channel=channel)
    return made


def show_held(depot: Depot, hold: Hold) -> int:
    """Show what a rollback holds, again where the site shows something else; return the number of the snapshot.

    Its roots are signed anew where half of the time of validity of one has passed.
    """
    snapshot = depot.history.find(hold.number)
    if any(root.shows.is_worn(depot.store, depot.clock, snapshot.tree, root.path) for root in own_roots(snapshot)):
        return _show_again(depot, snapshot, snapshot, hold.shows)
    show_snapshot(depot, hold.number)
    return hold.number


def _show_imported(depot: Depot, old: Snapshot, *, dry_run: bool) -> RollbackResult:
    """Switch to a snapshot that came in a bundle, as it was signed: this side cannot sign its roots anew."""
    shown = depot.site().current()
    changes = (
        diff_snapshots(depot.store, depot.history, depot.progress, shown, old.number)
        if shown in depot.store.snapshots.numbers()
        else ()
    )
    check_whole(depot.store, depot.progress, old)
    if not dry_run:
        choose(depot.store, depot.config.site.channels, depot.clock, old.number)
        show_snapshot(depot, old.number)
        announced(depot)
    return RollbackResult(old.number, old.number, changes, False, depot.site().where)


def _newest(history: History) -> Snapshot:
    return history.latest(1)[0]


def check_whole(store: LocalStore, progress: Progress, snapshot: Snapshot) -> None:
    """Raise ConfigError unless the store has every file of a snapshot."""
    progress.step(f"looking for the {len(snapshot.tree):,} files of snapshot {snapshot.number}")
    named = {**snapshot.tree, "its lock": snapshot.lock}
    lacking = absent(store, progress, named.values())
    missing = [path for path, digest in named.items() if digest in lacking]
    if missing:
        raise ConfigError(
            f"snapshot {snapshot.number} cannot be shown: {len(missing)} of its files are not in the store, "
            f"or damaged there, for example {missing[0]}",
            hint="`cudepot verify` lists them; on the far side of an air gap, see `cudepot bundle missing`",
        )
