"""``cudepot lock``: resolve the pins against every upstream into one lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.pinned_hashes import check_hashes
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.drift import same_bytes_or_accepted
from cudepot.catalog.ecosystems import Output
from cudepot.catalog.lock import Artifact, FileRole, Lock, Resolved
from cudepot.catalog.lock import pinned as pins_alone
from cudepot.catalog.unsolvable import Findings
from cudepot.depot.depot import Depot
from cudepot.depot.isolated import Isolation, Trouble
from cudepot.depot.locked import document as locked_document
from cudepot.depot.locked import lock_or_empty, pinned_upstreams
from cudepot.depot.partly import PartlyLockedError
from cudepot.depot.root_age import too_old
from cudepot.depot.rounds import Failure, failures, resolve_all
from cudepot.disk import write_atomic
from cudepot.errors import CudepotError
from cudepot.kinds.kind import Asking
from cudepot.kinds.registry import kind_of, sharing
from cudepot.kinds.unsigned import unsigned
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
    old = pins_alone(whole)
    pinned, permitted = pinned_upstreams(depot.config), old.allowed_unsolvable
    shared = partial(_proved, depot.config)
    solvable = Solvability.of(depot.config, permitted, allow_unsolvable, forbid_unsolvable, shared)
    _judge_shared(depot, solvable)

    def resolve(attempt: Depot, upstream: Upstream) -> Resolved:
        with solvable.judging(upstream.name) as findings:
            found = _resolve(attempt, upstream, old, findings, rollback=allow_rollback, accepted=accept_changed)
        return finished(upstream, found)

    def finished(upstream: Upstream, found: Resolved, *, complete: bool = True) -> Resolved:
        artifacts, where = _as_repackaged(depot.config, upstream, found[1]), upstream.url or upstream.path
        check_hashes(depot.config.pins_of(upstream), artifacts, where, complete=complete)
        return found[0], same_bytes_or_accepted(whole.of(upstream.name), artifacts, accept_changed, where)

    done, errors = resolve_all(depot, pinned, resolve, wait)
    for one in pinned:
        error = errors.get(one.name)
        if isinstance(error, PartlyLockedError):
            try:
                done[one.name] = finished(one, error.resolved, complete=False)
            except CudepotError as worse:
                errors[one.name] = worse

    def assembled() -> Lock:
        return replace(_assembled(depot.config, pinned, done, old), allowed_unsolvable=solvable.allowed())

    depot.progress.step("writing cudepot.lock")
    _check_wheels(depot.recipes, done, errors, assembled())
    lock, document = assembled(), b""
    if lock != old:
        lock, document = _readable(depot.isolation, lock, done, errors, assembled)
    failed = tuple(failures(depot.store, depot.clock, pinned, errors))
    settled = _with_environments(depot, whole, lock, upgrade=upgrade, accepted=accept_changed, wait=wait)
    if settled.lock != lock:
        lock, document = settled.lock, locked_document(settled.lock)
    written = bool(done or lock.environments or depot.lock_path.exists()) and lock != whole and not dry_run
    if written:
        write_atomic(depot.lock_path, document or locked_document(lock))
    old_roots, unsolvable = too_old(depot.config, depot.clock, lock), solvable.unsolvable()
    return LockResult(
        lock,
        *_differences(whole, lock),
        written,
        (*failed, *settled.failed),
        old_roots,
        unsigned(depot.config, lock),
        unsolvable,
        (*solvable.notes(), *settled.notes),
        settled.sizes,
    )


def _with_environments(
    depot: Depot, old: Lock, pins: Lock, *, upgrade: bool | frozenset[str], accepted: Sequence[str], wait: float
) -> Settled:
    """Return the lock with environments, if there are any; loading what resolves them takes time."""
    if not depot.config.environments and not upgrade:
        return Settled(pins)
    from cudepot.workflows.lock.environments import Asked, with_environments  # noqa: PLC0415

    return with_environments(depot, old, pins, Asked(upgrade, accepted, wait))


def _proved(config: Config) -> dict[str, Shows]:
    """Return the repositories that all upstreams share and that `publish` proves, by name."""
    return {one.shows.folders(config)[0].rstrip("/"): one.shows for one in sharing() if one.shows.is_proved}


def _judge_shared(depot: Depot, solvable: Solvability) -> None:
    """Note of what all share, and is allowed to be unsolvable, what `publish` found last: it knows what is built."""
    for name, shows in _proved(depot.config).items() if solvable.permitted else ():
        if any(one.name == name for one in solvable.permitted):
            with solvable.judging(name) as findings:
                findings.complete = shows.was_solvable(depot)


def _as_repackaged(config: Config, upstream: Upstream, artifacts: tuple[Artifact, ...]) -> tuple[Artifact, ...]:
    """Return the artifacts of an upstream with what their recipes have to know of all of them."""
    if not any(one.release for one in artifacts):
        return artifacts
    from cudepot.catalog.nvidia.repackaged import completed  # noqa: PLC0415 - where something is repackaged
    from cudepot.depot.nvidia_catalog import load_components  # noqa: PLC0415

    pins, folder = config.pins_of(upstream), kind_of(upstream).locks.names_files
    return completed(artifacts, pins, load_components, folder=folder)


def _check_wheels(recipes: Path, done: dict[str, Resolved], errors: dict[str, CudepotError], lock: Lock) -> None:
    """Move upstreams from ``done`` to ``errors`` that would give a wheel the name of another one."""
    if not any(Output.WHEEL in one.outputs for one in lock.artifacts):
        return
    from cudepot.workflows.build.wheel_clashes import wheel_clashes  # noqa: PLC0415 - where wheels are built

    clashes = wheel_clashes(recipes, lock, [one.name for one in lock.upstreams if one.name not in done])
    for name, error in clashes.items():
        del done[name]
        errors[name] = error


def _assembled(config: Config, pinned: Sequence[Upstream], done: Mapping[str, Resolved], old: Lock) -> Lock:
    """Return the lock of what was resolved now and, for what was not, of what was locked before."""
    kept = {one.name: (one, old.of(one.name)) for one in old.upstreams}
    known = {**kept, **done}
    parts = [known[one.name] for one in pinned if one.name in known]
    return Lock(
        tuple(locked for locked, _ in parts),
        tuple(artifact for _, artifacts in parts for artifact in artifacts),
        tuple(sorted(config.accept_eula)),
    )


def _readable(
    isolation: Isolation,
    lock: Lock,
    done: dict[str, Resolved],
    errors: dict[str, CudepotError],
    assembled: Callable[[], Lock],
) -> tuple[Lock, bytes]:
    """Return the lock and its document; an upstream that would make it unreadable moves from ``done`` to ``errors``."""
    found: list[Trouble] = []
    with isolation.each("cudepot.lock", found.append):
        return lock, locked_document(lock)
    found.clear()
    for name, (locked, artifacts) in done.items():
        with isolation.each(name, found.append):
            locked_document(Lock((locked,), artifacts))
    for one in found:
        del done[one.name]
    errors |= dict(found)
    lock = assembled()
    return lock, locked_document(lock)


def _resolve(
    depot: Depot, upstream: Upstream, old: Lock, findings: Findings, *, rollback: bool, accepted: Sequence[str]
) -> Resolved:
    """Return what the pins of one upstream mean: what ``old`` has of them where nothing changed.

    What was locked under the name when it was of another type tells a resolver nothing.
    """
    locked = old.upstream(upstream.name)
    before = (locked, old.of(upstream.name)) if locked and locked.type == upstream.type else None
    asking = Asking(depot, upstream, before, findings, rollback, accepted)
    return kind_of(upstream).locks.lock(asking)


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
