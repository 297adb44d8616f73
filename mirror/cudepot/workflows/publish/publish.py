"""``cudepot publish``: make a snapshot of the lock and the packages built from it, and show it on the site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import tomli_w

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import row_of
from cudepot.catalog.faults import fault_of
from cudepot.catalog.lock import Lock
from cudepot.catalog.lock_document import render_lock
from cudepot.catalog.lock_parts import joined
from cudepot.catalog.site.snapshot import Snapshot, Tree
from cudepot.catalog.unsolvable import Unsolvable, notes
from cudepot.depot.builds import Built, all_jobs, job_key, not_built, recall
from cudepot.depot.clock import check_clock, clock_faults, timestamp
from cudepot.depot.depot import Clock, Depot, Workshop
from cudepot.depot.fault_memory import note_faults
from cudepot.depot.isolated import Trouble
from cudepot.depot.locked import current_lock, environment_fault_name, record_acceptance, unanswered
from cudepot.depot.snapshots import lock_of
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError
from cudepot.kinds.peers import compared
from cudepot.kinds.registry import shown_below, solves_of
from cudepot.kinds.unsigned import unsigned
from cudepot.store.local import LocalStore
from cudepot.workflows.nvidia.paths import copies_of, with_nvidia
from cudepot.workflows.publish.channels import channels, statements
from cudepot.workflows.publish.client_files import clients_tree, keys_tree
from cudepot.workflows.publish.hold import Hold, hold_of
from cudepot.workflows.publish.make_snapshot import (
    announced,
    check_private,
    keep_snapshot,
    next_number,
    show_snapshot,
    site_rooms,
)
from cudepot.workflows.publish.page import is_page_of, page_in, with_page
from cudepot.workflows.publish.parts import Earlier, Held, Part, parts_of
from cudepot.workflows.publish.result import PublishResult, moves_of

if TYPE_CHECKING:
    pass

HISTORY = 12
"""Snapshots looked back at: for generations of indexes, and for debs and rpms that must not change."""


def publish(
    depot: Depot,
    *,
    dry_run: bool = False,
    keep_last: bool = False,
    release_rollback: bool = False,
    clock_is_right: bool = False,
) -> PublishResult:
    """Publish what the lock says; an unchanged tree gives no new snapshot.

    An upstream that cannot be published stays as it was published last, and the others go on; with ``keep_last``
    also where all of them stay so. A rollback holds until ``release_rollback`` ends it: nothing else is shown before.
    ``clock_is_right``: what was dated in the future while the clock was wrong is signed anew with the present time.

    Raises:
        StorageError: the site's disk refuses; the old site stays.
        ClockError: the newest snapshot is of the future.
        ConfigError: the lock is out of date.
        CudepotError: nothing at all can be published as the lock says: why the first upstream cannot.
        EulaError: the site is marked public.
    """
    check_private(depot.config, depot.site())
    if depot.config.site.origin:
        from cudepot.workflows.publish.imported import publish_imported  # noqa: PLC0415 - on the far side only

        return publish_imported(depot, dry_run=dry_run, release=release_rollback)
    if not clock_is_right:
        check_clock(depot.store, depot.clock)
    lock = current_lock(depot.config, depot.store, depot.lock_path)
    depot.progress.step("reading the last snapshots")
    earlier = depot.history.latest(HISTORY)
    content = _content(depot, lock, earlier, keep_last=keep_last)
    if not dry_run:
        _note(depot.config, depot.store, depot.clock, lock, content.held)
    result = _result(depot, content, earlier)
    hold = None if release_rollback else hold_of(depot.config, depot.store)
    if hold:
        return _publish_held(depot, result, hold, dry_run=dry_run)
    again = clock_is_right and any(clock_faults(depot.store, depot.clock))
    return _publish_content(depot, content, earlier, result, again=again, dry_run=dry_run)


class _Content(NamedTuple):
    """What is to be shown, but for the pages of the site: a lock and a tree, and what is to be said of them."""

    lock: Lock
    tree: Tree
    held: tuple[Held, ...]
    doubts: tuple[str, ...]
    lacking: tuple[str, ...]


def _content(depot: Depot, lock: Lock, earlier: Sequence[Snapshot], *, keep_last: bool) -> _Content:
    with depot.store.gathering():
        shown, bare, held, doubts = site_of(depot, lock, earlier, keep_last=keep_last)
        tree, lacking = with_nvidia(depot, shown, bare)
    return _Content(shown, tree, held, doubts, tuple(lacking))


def _result(depot: Depot, content: _Content, earlier: Sequence[Snapshot]) -> PublishResult:
    """Return what is known of publishing before anything is shown."""
    lock, tree = content.lock, content.tree
    return PublishResult(
        0,
        False,
        *moves_of(_tree_of(earlier), tree),
        depot.site().where,
        content.held,
        unsigned(depot.config, lock),
        content.doubts,
        (*unanswered(depot.config, depot.store, lock), *content.lacking),
        copies=copies_of(depot.config, lock, tree),
    )


def _publish_held(depot: Depot, result: PublishResult, hold: Hold, *, dry_run: bool) -> PublishResult:
    """Show what a rollback holds, whatever the lock says."""
    if dry_run:
        return replace(result, number=hold.number, hold=hold)
    number = _show_held(depot, hold)
    return replace(_followed_up(depot, result), number=number, hold=hold)


def _publish_content(
    depot: Depot, content: _Content, earlier: Sequence[Snapshot], result: PublishResult, *, again: bool, dry_run: bool
) -> PublishResult:
    """Make a snapshot, unless the last one has the same content, and show it; ``again``: make one in any case."""
    lock, tree = content.lock, content.tree
    fresh = not earlier or again or bool(earlier[0].rollback) or not is_page_of(depot, lock, tree, earlier[0])
    fresh = fresh or _tells_clients_more(depot, lock, earlier[0])
    number = next_number(depot.site(), depot.store.snapshots) if fresh else earlier[0].number
    created = timestamp(depot.clock) if fresh else earlier[0].created
    depot.progress.step("writing the pages of the site")
    foreign, peers = _foreign(depot.config, depot.store, tree), compared(depot.config, depot.store, tree)
    known = None if fresh else page_in(depot.store, earlier[0])
    tree = {**tree, **known} if known else with_page(depot, lock, tree, number, created)
    if not dry_run:
        if fresh:
            keep_snapshot(depot, _made_of(depot.lock_path, lock), lock, number, tree, created=created)
        show_snapshot(depot, number, None if fresh else earlier[0])
        result = _followed_up(depot, result)
    room = site_rooms(depot.site(), number, tree) if dry_run else ()
    added, removed, files, size = moves_of(_tree_of(earlier), tree)
    return replace(
        result, number=number, fresh=fresh, added=added, removed=removed, files=files, bytes=size,
        foreign=foreign, compared=peers, room=room,
    )  # fmt: skip


def _followed_up(depot: Depot, result: PublishResult) -> PublishResult:
    """Bring the other channels and what the site says of itself up to date; return the result with notes of that."""
    notes = (*result.notes, *_renewed(depot))
    announced(depot)
    return replace(result, notes=notes)


def _tree_of(earlier: Sequence[Snapshot]) -> Tree:
    return earlier[0].tree if earlier else {}


def _tells_clients_more(depot: Depot, lock: Lock, last: Snapshot) -> bool:
    """Return whether `client` would write something else for an environment, though all files are the same."""
    if not lock.environments or last.lock == Digest.of(_made_of(depot.lock_path, lock)):
        return False
    try:
        return lock_of(depot.store, last).environments != lock.environments
    except CudepotError:  # `verify` tells of it
        return False


def _renewed(depot: Depot) -> list[str]:
    """Sign the roots of the other channels anew where they expire before long; return a line for each."""
    others = depot.config.site.channels[1:]
    if not others:
        return []
    from cudepot.workflows.publish.promote import renew_channels  # noqa: PLC0415 - few sites have channels

    return renew_channels(depot, others)


def _show_held(depot: Depot, hold: Hold) -> int:
    from cudepot.workflows.publish.rollback import show_held  # noqa: PLC0415 - seldom

    return show_held(depot, hold)


def _foreign(config: Config, store: LocalStore, tree: Tree) -> tuple[str, ...]:
    return tuple(text for one in shown_below(tree).values() for text in one.shows.left_to_others(config, store, tree))


def _note(config: Config, store: LocalStore, clock: Clock, lock: Lock, held: Sequence[Held]) -> None:
    """Remember whose part could not be made, and forget what is over; what only waits is no fault."""
    names = [one.name for one in lock.upstreams]
    names += [environment_fault_name(one.name) for one in lock.environments]
    errors = {one.name: one.error for one in held if not isinstance(one.error, ConfigError)}
    urls = {one.name: one.url for one in config.upstreams}
    for name in names:
        faults = [fault_of(errors[name], urls.get(name, ""))] if name in errors else []
        note_faults(store, clock, name, "publish", faults)


def site_of(
    depot: Depot, lock: Lock, earlier: Sequence[Snapshot], *, keep_last: bool
) -> tuple[Lock, dict[str, Digest], tuple[Held, ...], tuple[str, ...]]:
    """Return what is published, as a lock and as a tree, what of the lock is not, and what no client could install.

    ``keep_last``: showing what was shown before, and no more, is welcome too.

    Raises:
        CudepotError: nothing can be published as the lock says.
    """
    before = Earlier(depot.store, depot.history, earlier)
    before.load()
    parts, held = parts_of(depot, lock, before)
    general, waiting = _general(depot.workshop, depot.store, lock)
    lock, shared, more, unsolvable = _shared(depot, lock, parts, general, before, held)
    held += [*(Held(one.name, one.error, False) for one in waiting), *more]
    broken = {one.name for one in held}
    usable = {name: one for name, one in parts.items() if not one.waiting or one.tree or one.built or one.mirrored}
    if held and not usable.keys() - broken and not (keep_last and earlier):
        raise held[0].error
    depot.progress.step("writing statements of origin and what clients need")
    shown = joined([one.lock for one in usable.values()], lock)
    built = {path: one for path, one in shared.items() if row_of(path)}
    tree = {
        **shared,
        **{path: one for part in parts.values() for path, one in part.tree.items()},
        **(statements(depot.workshop, shown, built, before) if built else {}),
        **keys_tree(depot.store, depot.signer),
    }
    tree |= _suites(depot, shown, tree, earlier) if shown.environments else {}
    tree |= clients_tree(depot, shown, tree, earlier)
    unsolvable += [found for one in parts.values() for found in one.unsolvable]
    return shown, tree, tuple(held), notes(unsolvable, lock.allowed_unsolvable)


def _shared(
    depot: Depot, lock: Lock, parts: dict[str, Part], general: Sequence[Built], before: Earlier, held: Sequence[Held]
) -> tuple[Lock, dict[str, Digest], list[Held], list[Unsolvable]]:
    """Return the lock with the environments that are shown, and what repositories that are shared come to."""
    if not (lock.environments or held):  # what is held back may have files of environments that are no more
        return lock, *channels(depot, lock, parts, general, before)
    from cudepot.workflows.publish.environments import with_environments  # noqa: PLC0415 - start-up

    return with_environments(depot, lock, parts, general, before, held)


def _suites(depot: Depot, lock: Lock, tree: Tree, earlier: Sequence[Snapshot]) -> dict[str, Digest]:
    """Return the roots that environments have beside those of their upstreams."""
    found: dict[str, Digest] = {}
    for one in lock.environments:
        found |= solves_of(one).suite(depot, one, tree, earlier)
    return found


def _general(workshop: Workshop, store: LocalStore, lock: Lock) -> tuple[list[Built], list[Trouble]]:
    """Return the packages that are no upstream's, and the builds of such that have not been run."""
    jobs = [job for job in all_jobs(workshop, lock) if not job.artifacts]
    made = [(job, recall(store, lock, job_key(workshop, lock, job))) for job in jobs]
    missing = [Trouble(str(job), not_built(job)) for job, found in made if found is None]
    return [one for _, found in made for one in found or ()], missing


def _made_of(lock_path: Path, lock: Lock) -> bytes:
    """Return the lock a snapshot is made of, as a document: the very file where nothing is held back."""
    there = record_acceptance(lock_path, lock)
    return lock_path.read_bytes() if lock == there else tomli_w.dumps(render_lock(lock)).encode()
