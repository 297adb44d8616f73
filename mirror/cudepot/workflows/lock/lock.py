"""``cudepot lock``: resolve the pins against every upstream into one lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import FileRole, Lock
from cudepot.depot.depot import Depot
from cudepot.depot.locked import document as locked_document
from cudepot.depot.locked import lock_or_empty, pinned_upstreams
from cudepot.depot.root_age import too_old
from cudepot.depot.rounds import Failure
from cudepot.errors import CudepotError, StorageError
from cudepot.kinds.registry import kind_of, sharing
from cudepot.kinds.unsigned import unsigned
from cudepot.user_files import write_user_file
from cudepot.workflows.lock.pins import LockedPins, Pins, PinsAsked
from cudepot.workflows.lock.settled import EnvironmentSize, Settled
from cudepot.workflows.lock.solvability import Solvability

if TYPE_CHECKING:
    from cudepot.kinds.shows import Shows


@dataclass(frozen=True, slots=True)
class LockResult:
    """What locking did.

    Attributes:
        lock: the new lock.
        added, removed: artifacts that came and went, as ``NAME VERSION (upstream)``.
        changed: the same name and version with other bytes, likewise.
        written: whether the file was written (not in a dry run, nor when nothing changed).
        failed: upstreams that could not be locked; what the old lock had of them stays.
        old: upstreams whose root is older than their ``max-age``, and how old.
        unsigned: a line for each upstream that nobody signed.
        unsolvable: a line for each repository that is allowed although not all of it can be installed.
        notes: what is odd about an upstream, a line each.
        environments: what each has, and how it differs from before.
    """

    lock: Lock
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    written: bool
    failed: tuple[Failure, ...] = ()
    old: tuple[tuple[str, str], ...] = ()
    unsigned: tuple[str, ...] = ()
    unsolvable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    environments: tuple[EnvironmentSize, ...] = ()


def make_lock(
    depot: Depot,
    *,
    dry_run: bool = False,
    allow_rollback: bool = False,
    wait: float = 0.0,
    accept_changed: Sequence[str] = (),
    allow_unsolvable: Mapping[str, str] = MappingProxyType({}),
    forbid_unsolvable: Sequence[str] = (),
    upgrade: bool | frozenset[str] = False,
) -> LockResult:
    """Resolve all pins and environments and write cudepot.lock when it changed.

    What fails, an upstream or an environment, does not stop the others: it is told in the result, and its part of the
    old lock stays.

    Args:
        depot: the depot.
        dry_run: write no lock.
        allow_rollback: accept a root older than one seen before.
        wait: seconds to go on trying where a fault may pass.
        accept_changed: names of packages whose bytes may differ from those locked under the same version.
        allow_unsolvable: repositories that may be published although not all of them can be installed → why.
        forbid_unsolvable: repositories that may no longer.
        upgrade: whether environments take newer versions than are locked: of all projects, of some, or of none.

    Raises:
        ConfigError: nothing is wanted, or what is to be upgraded, allowed or forbidden is not there.
    """
    whole = lock_or_empty(depot.lock_path)
    upstreams, permitted = pinned_upstreams(depot.config), whole.allowed_unsolvable
    shared = partial(_proved, depot.config)
    solvable = Solvability.of(depot.config, permitted, allow_unsolvable, forbid_unsolvable, shared)
    _judge_shared(depot, solvable)
    pins = Pins(depot, upstreams, whole, solvable, PinsAsked(allow_rollback, accept_changed, wait)).locked()
    stale = [one.upstream for one in pins.failed]
    settled = _with_environments(depot, whole, pins.lock, upgrade, accept_changed, wait, allow_rollback, stale)
    lock = settled.lock
    is_any = bool(lock.upstreams or lock.environments or depot.lock_path.exists())
    written = is_any and lock != whole and not dry_run
    if written:
        write_user_file(depot.lock_path, _document(pins, settled) or locked_document(lock))
    old, unsolvable = too_old(depot.config, depot.clock, lock), solvable.unsolvable()
    return LockResult(
        lock,
        *_differences(whole, lock),
        written,
        (*pins.failed, *settled.failed),
        old,
        unsigned(depot.config, lock),
        unsolvable,
        (*solvable.notes(), *settled.notes, *_peers(depot)),
        settled.sizes,
    )


def _document(pins: LockedPins, settled: Settled) -> bytes:
    """Return the lock as it was written out, and read again, on the way; empty where it was not."""
    return settled.document or (pins.document if settled.lock == pins.lock else b"")


def _peers(depot: Depot) -> Iterator[str]:
    """Have upstreams noted that have packages as are built here; give a line where one could not be asked."""
    for upstream in depot.config.upstreams if any(pin.recipe for pin in depot.config.pins) else ():
        try:
            kind_of(upstream).locks.note_peers(depot, upstream)
        except StorageError:
            raise
        except CudepotError as error:
            yield f"{upstream.name}: not compared with the packages built here: {error}"


def _with_environments(depot: Depot, old: Lock, pins: Lock, upgrade: bool | frozenset[str], *asked: Any) -> Settled:
    """Return the lock with environments, if there are any; loading what resolves them takes time."""
    if not depot.config.environments and not upgrade:
        return Settled(pins)
    from cudepot.workflows.lock.environments import Asked, with_environments  # noqa: PLC0415

    return with_environments(depot, old, pins, Asked(upgrade, *asked))


def _proved(config: Config) -> dict[str, Shows]:
    """Return the repositories that all upstreams share and that `publish` proves, by name."""
    return {one.shows.folders(config)[0].rstrip("/"): one.shows for one in sharing() if one.shows.is_proved}


def _judge_shared(depot: Depot, solvable: Solvability) -> None:
    """Note of what all share, and is allowed to be unsolvable, what `publish` found last: it knows what is built."""
    for name, shows in _proved(depot.config).items() if solvable.permitted else ():
        if any(one.name == name for one in solvable.permitted):
            with solvable.judging(name) as findings:
                findings.complete = shows.was_solvable(depot)


def _differences(old: Lock, new: Lock) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    before, after = _by_label(old), _by_label(new)
    swapped = {f"{file.path} ({one.name})": file.before for one in new.upstreams for file in one.replaced}
    before = {**{label: sha256 for label, sha256 in swapped.items() if label in after}, **before}
    return (
        tuple(sorted(after.keys() - before.keys())),
        tuple(sorted(before.keys() - after.keys())),
        tuple(sorted(label for label in after.keys() & before.keys() if after[label] != before[label])),
    )


def _by_label(lock: Lock) -> dict[str, str]:
    extras = {
        f"{file.path} ({one.name})": file.digest.sha256
        for one in lock.upstreams
        for file in one.files
        if file.role == FileRole.EXTRA
    }
    extras |= {f"{file.path} ({one.name})": file.now for one in lock.upstreams for file in one.replaced}
    return extras | {
        f"{one.name} {one.version} {one.architecture} ({one.upstream})".replace("  ", " "): one.digest.sha256
        for one in lock.artifacts
    }
