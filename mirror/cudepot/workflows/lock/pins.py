"""What the pins of cudepot.toml mean now: each upstream is resolved on its own, and what came of all is one lock."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.pinned_hashes import check_hashes
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.drift import same_bytes_or_accepted
from cudepot.catalog.ecosystems import Output
from cudepot.catalog.lock import Artifact, Lock, Resolved
from cudepot.catalog.lock_parts import pinned as pins_alone
from cudepot.catalog.unsolvable import Findings
from cudepot.depot.depot import Depot
from cudepot.depot.isolated import Trouble
from cudepot.depot.locked import document
from cudepot.depot.partly import PartlyLockedError
from cudepot.depot.rounds import Failure, failures, resolve_all
from cudepot.errors import CudepotError
from cudepot.kinds.kind import Asking
from cudepot.kinds.registry import kind_of
from cudepot.workflows.lock.solvability import Solvability


class LockedPins(NamedTuple):
    """What the pins came to.

    Attributes:
        lock: without environments.
        document: the lock as it is written; empty where pins came to what they were.
        failed: upstreams that could not be locked; what the old lock had of them is in the lock.
    """

    lock: Lock
    document: bytes
    failed: tuple[Failure, ...]


class PinsAsked(NamedTuple):
    """What locking was asked for, as far as pins go.

    Attributes:
        rollback: whether a root older than one seen before is accepted.
        accepted: names of packages whose bytes may differ from those locked.
        wait: seconds to go on trying where a fault may pass.
    """

    rollback: bool = False
    accepted: Sequence[str] = ()
    wait: float = 0.0


class Pins:
    """The pins of a depot while they are resolved.

    Args:
        depot: the depot.
        upstreams: those that something is pinned of.
        before: the lock there is, environments included.
        solvable: judges what could not be installed.
        asked: how to go about it.
    """

    def __init__(
        self, depot: Depot, upstreams: Sequence[Upstream], before: Lock, solvable: Solvability, asked: PinsAsked
    ) -> None:
        self._depot, self._upstreams, self._before = depot, upstreams, before
        self._solvable, self._asked = solvable, asked
        self._old = pins_alone(before)
        self._done: dict[str, Resolved] = {}
        self._errors: dict[str, CudepotError] = {}

    def locked(self) -> LockedPins:
        """Resolve every upstream; what fails stops no other, and its part of the old lock stays."""
        depot = self._depot
        self._done, self._errors = resolve_all(depot, self._upstreams, self._resolved, self._asked.wait)
        self._keep_parts()
        depot.progress.step("writing cudepot.lock")
        _check_wheels(depot.recipes, self._done, self._errors, self._assembled())
        lock, data = self._assembled(), b""
        if lock != self._old:
            lock, data = self._readable(lock)
        return LockedPins(lock, data, tuple(failures(depot.store, depot.clock, self._upstreams, self._errors)))

    def _resolved(self, attempt: Depot, upstream: Upstream) -> Resolved:
        """Return what the pins of an upstream mean: what is locked of them where nothing changed."""
        with self._solvable.judging(upstream.name) as findings:
            found = kind_of(upstream).locks.lock(self._asking(attempt, upstream, findings))
        return self._checked(upstream, found)

    def _asking(self, depot: Depot, upstream: Upstream, findings: Findings) -> Asking:
        """Return what its kind is asked; what was locked when it was of another type tells nothing."""
        locked = self._old.upstream(upstream.name)
        before = (locked, self._old.of(upstream.name)) if locked and locked.type == upstream.type else None
        return Asking(depot, upstream, before, findings, self._asked.rollback, self._asked.accepted)

    def _checked(self, upstream: Upstream, found: Resolved, *, complete: bool = True) -> Resolved:
        """Return what was resolved once its hashes are those of the pins and of the lock."""
        config, accepted = self._depot.config, self._asked.accepted
        artifacts = _as_repackaged(config, upstream, found[1])
        check_hashes(config.pins_of(upstream), artifacts, upstream.place, complete=complete)
        locked = self._before.of(upstream.name)
        return found[0], same_bytes_or_accepted(locked, artifacts, accepted, upstream.place)

    def _keep_parts(self) -> None:
        """Take, of upstreams some of whose pins cannot be locked, the others."""
        for one in self._upstreams:
            error = self._errors.get(one.name)
            if isinstance(error, PartlyLockedError):
                try:
                    self._done[one.name] = self._checked(one, error.resolved, complete=False)
                except CudepotError as worse:
                    self._errors[one.name] = worse

    def _assembled(self) -> Lock:
        """Return the lock of what was resolved now and, for what was not, of what was locked before."""
        kept = {one.name: (one, self._old.of(one.name)) for one in self._old.upstreams}
        known = {**kept, **self._done}
        parts = [known[one.name] for one in self._upstreams if one.name in known]
        return Lock(
            tuple(locked for locked, _ in parts),
            tuple(artifact for _, artifacts in parts for artifact in artifacts),
            tuple(sorted(self._depot.config.accept_eula)),
            self._solvable.allowed(),
        )

    def _readable(self, lock: Lock) -> tuple[Lock, bytes]:
        """Return the lock and its document, without what of an upstream would make it unreadable: that has failed."""
        found: list[Trouble] = []
        with self._depot.isolation.each("cudepot.lock", found.append):
            return lock, document(lock)
        found.clear()
        for name, (locked, artifacts) in self._done.items():
            with self._depot.isolation.each(name, found.append):
                document(Lock((locked,), artifacts))
        for one in found:
            del self._done[one.name]
        self._errors |= dict(found)
        lock = self._assembled()
        return lock, document(lock)


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
