"""Publishing on the far side of an air gap: shows what the near side shows, as far as it has come, as it was signed."""

from __future__ import annotations

from cudepot.depot.depot import Depot
from cudepot.errors import ConfigError
from cudepot.workflows.bundle.shown_import import absent_lines, forget_choice, newest_number, released, wanted
from cudepot.workflows.bundle.take_in import waiting_notes
from cudepot.workflows.publish.hold import hold_of
from cudepot.workflows.publish.make_snapshot import announced, show_snapshot
from cudepot.workflows.publish.result import PublishResult, moves_of


def publish_imported(depot: Depot, *, dry_run: bool, release: bool) -> PublishResult:
    """Show what the near side shows, as far as it has come in bundles, or what a rollback chose, as it was signed."""
    if release and not dry_run:
        forget_choice(depot.store)
    store, names = depot.store, depot.config.site.channels
    free, late = released(store, names), absent_lines(store, names)
    want = free if release else wanted(store, names)
    if not want:
        raise ConfigError(late[0], hint="import a bundle that brings it")
    first = next(one for one in names or ("",) if one in want)
    number, shown, hold = want[first], _shown_in(depot, first), None if release else hold_of(depot.config, store)
    known = shown in store.snapshots.numbers()
    before, tree = depot.history.find(shown).tree if shown and known else {}, depot.history.find(number).tree
    held_back = depot.history.find(free.get(first, newest_number(store))).tree if hold else {}
    moved = [_follow(depot, name, want[name], dry_run=dry_run) for name in (first, *names) if name in want]
    if not dry_run:
        announced(depot)
    moves = moves_of(tree, held_back) if hold else moves_of(before, tree)
    notes = (*waiting_notes(store), *filter(None, moved[1:]), *late)
    return PublishResult(number, number != shown and not hold, *moves, depot.site().where, notes=notes, hold=hold)


def _follow(depot: Depot, channel: str, number: int, *, dry_run: bool) -> str:
    """Show in a channel what it is to show here; return a line where that moved it."""
    moves = _shown_in(depot, channel) != number
    if not dry_run:
        show_snapshot(depot.in_channel(channel), number)
    return f"{channel}: shows snapshot {number}, as on the near side" if moves else ""


def _shown_in(depot: Depot, channel: str) -> int | None:
    return depot.in_channel(channel).site().current()
