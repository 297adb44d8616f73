"""``cudepot status``: how far the project is, from cudepot.toml to the site. Reads only."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import own_folders
from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.catalog.run_report import Report
from cudepot.catalog.site.snapshot import Snapshot, parse_head, parse_snapshot
from cudepot.catalog.solution.graph import by_place
from cudepot.catalog.unsolvable import notes
from cudepot.depot.builds import all_jobs, builds_of, job_key, recall
from cudepot.depot.clock import clock_faults
from cudepot.depot.depot import Clock, Depot
from cudepot.depot.fault_memory import Standing, standing_faults
from cudepot.depot.isolated import Isolation, Trouble
from cudepot.depot.last_run import last_run
from cudepot.depot.locked import current_lock, environment_fault_name, environment_upstreams, unanswered
from cudepot.depot.pointers import channel_faults, newest_published, shown_by
from cudepot.depot.root_age import too_old
from cudepot.depot.snapshots import lock_of, says_the_same
from cudepot.depot.sync_memory import mirrored_objects
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError, StorageError, TrustError
from cudepot.kinds.mirror_files import main_indexes, read_whole, wholes
from cudepot.kinds.site_roots import own_roots
from cudepot.kinds.unsigned import unsigned_note
from cudepot.ports import Progress
from cudepot.store.local import LocalStore
from cudepot.workflows.bundle.shown_import import wanted
from cudepot.workflows.edge.heard import Heard, overdue
from cudepot.workflows.edge.heard import recall as recall_heard
from cudepot.workflows.publish.hold import Hold, hold_of

_SKEW = datetime.timedelta(hours=1)
"""How far ahead the clock of the machine that ran last may be of that of the one that looks."""


@dataclass(frozen=True, slots=True)
class UpstreamStatus:
    """One upstream as locked: date of its root, who signed it, how many artifacts, how many are missing.

    ``old`` says so when its root is older than its ``max-age``, ``unsigned`` when nobody signed it; ``good`` is when
    `cudepot run` last locked and fetched it without a fault (UTC), empty where it never did.
    """

    name: str
    type: str
    date: str
    signers: tuple[str, ...]
    artifacts: int
    missing: int
    old: str = ""
    unsigned: str = ""
    good: str = ""


class EnvironmentStatus(NamedTuple):
    """An environment as locked: its targets, how many files they have together, their bytes, how many are missing."""

    name: str
    targets: tuple[str, ...]
    files: int
    bytes: int
    missing: int


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a project.

    Attributes:
        lock: ``ok``, or why there is no usable lock.
        missing_bytes: bytes `cudepot sync` would fetch.
        builds_done, builds: jobs of `cudepot repackage`.
        snapshots: numbers of all snapshots in the store.
        shown: the snapshot the site shows; None when there is none.
        next: the verb to run next; empty when there is nothing to do but to publish changes.
        faults: faults of upstreams that stand, and since when.
        unsolvable: a line for each repository that is allowed although not all of it can be installed.
        notes: a line for each upstream that could not be locked, or whose index cannot be read.
        hold: the rollback that holds; None for none.
        environments: as they are locked; on the far side of an air gap, as they are shown.
        last_run: the last `cudepot run`; None where there was none.
        channels: channel of the site → the snapshot it shows, None for none; empty for a site without channels.
        heard: of an edge, what it heard last of the site that it follows; None elsewhere.
    """

    lock: str
    upstreams: tuple[UpstreamStatus, ...]
    missing_bytes: int
    builds_done: int
    builds: int
    snapshots: tuple[int, ...]
    shown: int | None
    next: str
    faults: tuple[Standing, ...] = ()
    unsolvable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    hold: Hold | None = None
    environments: tuple[EnvironmentStatus, ...] = ()
    last_run: Report | None = None
    channels: Mapping[str, int | None] = field(default_factory=dict)
    heard: Heard | None = None


def status(depot: Depot) -> Status:
    """Return the state of the project."""
    found, last = _status(depot), last_run(depot.store)
    good = last.good if last else {}
    upstreams = tuple(replace(one, good=good.get(one.name, "")) for one in found.upstreams)
    channels: Mapping[str, int | None] = {}
    torn: Iterable[str] = ()
    if depot.config.site.channels:
        channels, torn = shown_by(depot.config, depot.site()), channel_faults(depot.config, depot.store, depot.site())
    damaged = _damaged(depot, {found.shown, *channels.values()}.intersection(found.snapshots))
    left = (*found.notes, *torn, *damaged)
    return replace(found, last_run=last, upstreams=upstreams, channels=channels, notes=left)


def _damaged(depot: Depot, shown: Iterable[int | None]) -> Iterator[str]:
    """Give a line for each snapshot that is shown and that the store has otherwise than the site's key signed it.

    Where the disk is too full to check one, there is none: status has to be read then, too.
    """
    history = depot.history
    with contextlib.suppress(OSError):
        for number in filter(None, shown):
            try:
                history.signed(number)
            except (StorageError, TrustError) as error:
                yield str(error)


def _status(depot: Depot) -> Status:
    numbers = tuple(depot.store.snapshots.numbers())
    shown, hold = depot.site().current(), hold_of(depot.config, depot.store)
    if depot.config.site.origin:
        return _far_status(depot, numbers, shown, hold)
    faults = _faults(depot.config, depot.store)
    try:
        lock = current_lock(depot.config, depot.store, depot.lock_path)
    except ConfigError as error:
        step = "lock" if _wants(depot.config) else ""
        return Status(str(error), (), 0, 0, 0, numbers, shown, step, faults, hold=hold)
    mirrored, broken = _wholes(depot.store, depot.isolation, depot.progress, lock)
    depot.progress.step(f"looking for {len(lock.artifacts):,} artifacts in the store")
    every = {one.digest for one in lock.artifacts}.union(*mirrored.values())
    lacking = {one for one in every if not depot.store.has(one)}
    upstreams = tuple(_upstream(depot, lock, one, mirrored.get(one.name, set()), lacking) for one in lock.upstreams)
    missing = sum(one.size for one in lacking)
    depot.progress.step("looking for what was built")
    jobs = all_jobs(depot.workshop, lock)
    done = sum(recall(depot.store, lock, job_key(depot.workshop, lock, job)) is not None for job in jobs)
    if missing or done < len(jobs):
        step = "sync" if missing else "repackage"
    elif hold:
        step = "" if shown == hold.number else "publish"
    else:
        step = "" if _is_shown(depot, lock, numbers, shown) else "publish"
    allowed = notes((), lock.allowed_unsolvable)
    left = (*unanswered(depot.config, depot.store, lock), *broken, *clock_faults(depot.store, depot.clock))
    return Status(
        "ok", upstreams, missing, done, len(jobs), numbers, shown, step, faults, allowed, left, hold,
        tuple(_environments(depot.store, lock)),
    )  # fmt: skip


def _far_status(depot: Depot, numbers: tuple[int, ...], shown: int | None, hold: Hold | None) -> Status:
    """Return the state of the far side of an air gap, whose lock is that of the snapshot it shows."""
    from cudepot.workflows.bundle.take_in import waiting_notes  # noqa: PLC0415 - on the far side only

    step = "bundle import" if not numbers else "publish" if _is_behind(depot) else ""
    late = (*clock_faults(depot.store, depot.clock), *waiting_notes(depot.store), *overdue(depot.store, depot.clock))
    heard = recall_heard(depot.store)
    lock = Lock()
    if shown is not None and shown in numbers:
        with contextlib.suppress(CudepotError):  # `verify` tells of it
            lock = lock_of(depot.store, parse_snapshot(depot.store.snapshots.read(shown)[0], f"snapshot {shown}"))
    return Status(
        f"none: shows the site of {depot.config.site.origin}", (), 0, 0, 0, numbers, shown, step, notes=late, hold=hold,
        environments=tuple(_environments(depot.store, lock)), heard=heard if heard.signed else None,
    )  # fmt: skip


def _is_behind(depot: Depot) -> bool:
    """Return whether a channel of the far side, or its site, is to show something else than it does."""
    want = wanted(depot.store, depot.config.site.channels)
    return any(depot.in_channel(name).site().current() != number for name, number in want.items())


def _environments(store: LocalStore, lock: Lock) -> Iterator[EnvironmentStatus]:
    artifacts = by_place(lock.artifacts)
    for one in lock.environments:
        files = {artifacts[each].digest for each in one.places if each in artifacts}
        targets = tuple(target.name for target in one.targets)
        missing = sum(not store.has(each) for each in files)
        yield EnvironmentStatus(one.name, targets, len(files), sum(each.size for each in files), missing)


def alarms(found: Status) -> tuple[str, ...]:
    """Return a line for each thing that somebody has to look at: what `status --check` fails for.

    A rollback that holds is none of them: somebody decided it.
    """
    pending = [f"`cudepot {found.next}` has to be run{_why(found)}"] if found.next else []
    pending += [found.lock] if found.lock != "ok" and not found.lock.startswith("none: ") else []
    faults = [f"{one.upstream}: {one.fault.kind}, since {one.since} ({one.verb})" for one in found.faults]
    stale = [f"{one.name}: {one.old}" for one in found.upstreams if one.old]
    return (*pending, *faults, *stale, *found.notes, *_broken(found.last_run))


def _why(found: Status) -> str:
    """Return what the last run met in the verb that is to be run, as the end of a line."""
    met = step.met if found.last_run and (step := found.last_run.step(found.next)) else ()
    return f": {met[0].line()}" if met else ""


def _broken(last: Report | None) -> list[str]:
    """Return a line for each fault of cudepot itself that the last run met, whatever it came to."""
    steps = last.steps if last else ()
    return [f"the last run met a fault in cudepot: {one.line()}" for step in steps for one in step.met if one.exit == 1]


def late(found: Status, now: datetime.datetime, limit: datetime.timedelta) -> tuple[str, ...]:
    """Return a line when there was no run for longer than ``limit``, and one for each upstream not good for as long."""
    last = found.last_run
    if last is None:
        return ("there was no `cudepot run` yet",)
    lines = [f"the last run ended at {last.ended}, longer ago than --max-age"] if _age(last.ended, now) > limit else []
    if _age(last.ended, now) < -_SKEW:
        lines.append(f"the last run ended at {last.ended}, in the future: this machine's clock was wrong, or is")
    old = [one for one in found.upstreams if one.good and _age(one.good, now) > limit]
    return (*lines, *(f"{one.name}: last good at {one.good}, longer ago than --max-age" for one in old))


def _age(when: str, now: datetime.datetime) -> datetime.timedelta:
    """Return how long ago a time was; for ever, where it cannot be read."""
    try:
        return now - datetime.datetime.fromisoformat(when)
    except (ValueError, TypeError):
        return datetime.timedelta.max


def _wholes(
    store: LocalStore, isolation: Isolation, progress: Progress, lock: Lock
) -> tuple[dict[str, set[Digest]], list[str]]:
    """Return what each whole mirror consists of, and a line for each of which that cannot be read."""
    mirrored: dict[str, set[Digest]] = {}
    broken: list[Trouble] = []
    known = mirrored_objects(store, lock) if any(wholes(lock)) else {}
    for one in wholes(lock):
        if one.name in known:
            mirrored[one.name] = known[one.name]
            continue
        progress.step(f"reading the indexes of {one.name}")
        with isolation.each(one.name, broken.append):
            mirrored[one.name] = _mirrored(store, one)
    return mirrored, [f"{one.name}: {one.error}" for one in broken]


def _faults(config: Config, store: LocalStore) -> tuple[Standing, ...]:
    used = {pin.upstream for pin in config.pins} | {one.name for one in environment_upstreams(config)}
    names = [one.name for one in config.upstreams if one.whole or one.name in used]
    names += [environment_fault_name(one.name) for one in config.environments]
    return tuple(one for name in names for one in standing_faults(store, name))


def _wants(config: Config) -> bool:
    return bool(config.pins or config.environments) or any(one.whole for one in config.upstreams)


def _is_shown(depot: Depot, lock: Lock, numbers: Sequence[int], shown: int | None) -> bool:
    """Return whether the site shows the newest snapshot, made of what this lock says and of these builds."""
    if shown is None or not numbers or shown != newest_published(depot.store.snapshots):
        return False
    snapshots, what = depot.store.snapshots, f"snapshot {shown}"
    head = parse_head(snapshots.head(shown), what)
    if not says_the_same(depot.store, head, depot.lock_path.read_bytes(), lock):
        return False
    built = {one.digest for one in builds_of(depot.workshop, lock)}
    lasting = [one.name for one in lock.upstreams if depot.config.upstream(one.name).valid_for]
    if not built and not lasting:
        return True
    depot.progress.step(f"reading snapshot {shown}")
    snapshot = parse_snapshot(snapshots.read(shown)[0], what)
    return built <= set(snapshot.tree.values()) and not _is_worn(depot.store, depot.clock, snapshot, lasting)


def _is_worn(store: LocalStore, clock: Clock, snapshot: Snapshot, upstreams: Sequence[str]) -> bool:
    """Return whether a root of one of these upstreams is to be signed again because it is half expired."""
    folders = tuple(folder for name in upstreams for folder in own_folders(name))
    return any(
        root.path.startswith(folders) and root.shows.is_worn(store, clock, snapshot.tree, root.path)
        for root in (own_roots(snapshot) if folders else ())
    )


def _mirrored(store: LocalStore, upstream: LockedUpstream) -> set[Digest]:
    """Return what a whole mirror consists of; the index alone where that is not in the store yet."""
    indexes = {one.digest for one in main_indexes(upstream)}
    return set(read_whole(store, upstream).tree.values()) if all(map(store.has, indexes)) else indexes


def _upstream(
    depot: Depot, lock: Lock, locked: LockedUpstream, mirrored: set[Digest], lacking: set[Digest]
) -> UpstreamStatus:
    artifacts = {one.digest for one in lock.of(locked.name)} | mirrored
    return UpstreamStatus(
        locked.name,
        locked.type,
        locked.roots[0].date if locked.roots else "",
        tuple(dict.fromkeys(signer for root in locked.roots for signer in root.signers)),
        len(artifacts),
        len(artifacts & lacking),
        dict(too_old(depot.config, depot.clock, lock)).get(locked.name, ""),
        unsigned_note(depot.config, lock, locked),
    )
