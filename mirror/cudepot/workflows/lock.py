"""``cudepot lock``: resolve the pins against every upstream into one lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import tomli

from cudepot.catalog.config_upstream import Upstream
from cudepot.catalog.drift import checked
from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.lock_document import parse_lock, render_lock
from cudepot.catalog.pinned_hashes import check_hashes
from cudepot.catalog.unsolvable import Findings
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError, CudepotError
from cudepot.workflows.asked import Asked
from cudepot.workflows.depot import Depot, request_hash
from cudepot.workflows.isolated import Trouble, each_alone
from cudepot.workflows.partly import PartlyLockedError
from cudepot.workflows.rounds import Failure, Resolved, failures, resolve_all
from cudepot.workflows.solvability import Solvability
from cudepot.workflows.standing import Standing, standing, too_old
from cudepot.workflows.unsigned import unsigned

_ANEW = "restore it from version control, or remove it and run `cudepot lock`"


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


def load_lock(path: Path) -> Lock:
    """Read cudepot.lock; raise ConfigError when it is missing or malformed."""
    try:
        return parse_lock(tomli.loads(path.read_text("utf-8")))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}", hint=error.hint or _ANEW) from error
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no lock yet", hint="run `cudepot lock` first") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {error}", hint=_ANEW) from error


def current_lock(depot: Depot) -> Lock:
    """Read the lock and make sure that it answers the present cudepot.toml; see :func:`answering`."""
    return answering(depot, load_lock(depot.lock_path))


def answering(depot: Depot, lock: Lock) -> Lock:
    """Return the lock with the licences accepted now; raise ConfigError when it does not answer cudepot.toml.

    An upstream that could not be locked stops no other: :func:`unanswered` names it.
    """
    pinned = _pinned(depot)
    for name in {one.name for one in lock.upstreams} - {one.name for one in pinned}:
        raise ConfigError(
            f"cudepot.lock has upstream {name!r}, of which nothing is pinned now", hint="run `cudepot lock`"
        )
    for upstream in _unanswered(depot, lock):
        if not _faults(depot, upstream):
            raise ConfigError(
                f"cudepot.lock does not answer cudepot.toml (upstream {upstream.name!r} or its pins changed)",
                hint="run `cudepot lock`",
            )
    if not lock.upstreams:
        raise ConfigError("cudepot.lock has no upstream: none could be locked", hint="see `cudepot status`")
    return replace(lock, accepted_eula=tuple(sorted(depot.config.accept_eula)))


def unanswered(depot: Depot, lock: Lock) -> tuple[str, ...]:
    """Return a line for each upstream that could not be locked as cudepot.toml has it now, and since when."""
    return tuple(
        f"{one.name}: {'stays as it was locked before' if lock.upstream(one.name) else 'is left out'}: "
        f"`cudepot lock` fails since {fault.since}: {fault.fault.kind}"
        for one in _unanswered(depot, lock)
        for fault in _faults(depot, one)
    )


def _unanswered(depot: Depot, lock: Lock) -> list[Upstream]:
    requests = {one.name: one.request for one in lock.upstreams}
    return [one for one in _pinned(depot) if requests.get(one.name) != request_hash(one, depot.pins_of(one))]


def _faults(depot: Depot, upstream: Upstream) -> list[Standing]:
    return [one for one in standing(depot.store, upstream.name) if one.verb == "lock"]


def record_acceptance(depot: Depot, lock: Lock) -> None:
    """Write the licences that are accepted now into cudepot.lock; nothing else in it changes."""
    old = load_lock(depot.lock_path)
    if old.accepted_eula != lock.accepted_eula:
        write_atomic(depot.lock_path, _document(replace(old, accepted_eula=lock.accepted_eula)))


def make_lock(
    depot: Depot,
    *,
    dry_run: bool = False,
    allow_rollback: bool = False,
    wait: float = 0.0,
    accept_changed: Sequence[str] = (),
    allow_unsolvable: Mapping[str, str] = MappingProxyType({}),
    forbid_unsolvable: Sequence[str] = (),
) -> LockResult:
    """Resolve all pins and write cudepot.lock when it changed.

    An upstream that fails does not stop the others: it is told in the result, and its part of the old lock stays.

    Args:
        depot: the depot.
        dry_run: write no lock.
        allow_rollback: accept a root older than one seen before.
        wait: seconds to go on trying where a fault may pass.
        accept_changed: names of packages whose bytes may differ from those locked under the same version.
        allow_unsolvable: repositories that may be published although not all of them can be installed → why.
        forbid_unsolvable: repositories that may no longer.

    Raises:
        ConfigError: nothing is pinned, or what is to be allowed or forbidden is not there.
    """
    old = load_lock(depot.lock_path) if depot.lock_path.exists() else Lock()
    pinned = _pinned(depot)
    solvable = Solvability.of(depot, old.allowed_unsolvable, allow_unsolvable, forbid_unsolvable)
    _judge_channel(depot, solvable)

    def resolve(now: Depot, upstream: Upstream) -> Resolved:
        with solvable.judging(upstream.name) as findings:
            found = _Asking(now, upstream, findings, allow_rollback, accept_changed).resolve(old)
        return finished(upstream, found)

    def finished(upstream: Upstream, found: Resolved, *, complete: bool = True) -> Resolved:
        artifacts, where = _as_repackaged(depot, upstream, found[1]), upstream.url or upstream.path
        check_hashes(depot.pins_of(upstream), artifacts, where, complete=complete)
        return found[0], checked(old.of(upstream.name), artifacts, accept_changed, where)

    done, errors = resolve_all(depot, pinned, resolve, wait)
    for one in pinned:
        error = errors.get(one.name)
        if isinstance(error, PartlyLockedError):
            try:
                done[one.name] = finished(one, error.resolved, complete=False)
            except CudepotError as worse:
                errors[one.name] = worse

    def assembled() -> Lock:
        return replace(_assembled(depot, pinned, done, old), allowed_unsolvable=solvable.allowed())

    depot.progress.step("writing cudepot.lock")
    _check_wheels(depot, done, errors, assembled())
    lock, document = assembled(), b""
    if lock != old:
        lock, document = _readable(depot, lock, done, errors, assembled)
    failed = tuple(failures(depot, pinned, errors))
    written = bool(done or depot.lock_path.exists()) and lock != old and not dry_run
    if written:
        write_atomic(depot.lock_path, document)
    old_roots, unsolvable, notes = too_old(depot, lock), solvable.unsolvable(), solvable.notes()
    came = _differences(old, lock)
    return LockResult(lock, *came, written, failed, old_roots, unsigned(depot, lock), unsolvable, notes)


def _judge_channel(depot: Depot, solvable: Solvability) -> None:
    """Note of a conda channel that is allowed to be unsolvable what `publish` found last: it knows what is built."""
    channel = f"conda/{depot.config.site.channel}"
    if not any(one.name == channel for one in solvable.permitted):
        return
    from cudepot.workflows.prove_conda import was_solvable  # noqa: PLC0415 - seldom

    with solvable.judging(channel) as findings:
        findings.complete = was_solvable(depot)


def _as_repackaged(depot: Depot, upstream: Upstream, artifacts: tuple[Artifact, ...]) -> tuple[Artifact, ...]:
    """Return the artifacts of an upstream with what their recipes have to know of all of them."""
    if not any(one.release for one in artifacts):
        return artifacts
    from cudepot.catalog.repackaged import completed  # noqa: PLC0415 - where something is repackaged
    from cudepot.workflows.published import load_components  # noqa: PLC0415

    return completed(artifacts, depot.pins_of(upstream), load_components, folder=upstream.type == "folder")


def _check_wheels(depot: Depot, done: dict[str, Resolved], errors: dict[str, CudepotError], lock: Lock) -> None:
    """Move upstreams from ``done`` to ``errors`` that would give a wheel the name of another one."""
    if not any("wheel" in one.outputs for one in lock.artifacts):
        return
    from cudepot.workflows.wheel_clashes import wheel_clashes  # noqa: PLC0415 - where wheels are built

    clashes = wheel_clashes(depot, lock, [one.name for one in lock.upstreams if one.name not in done])
    for name, error in clashes.items():
        del done[name]
        errors[name] = error


def _assembled(depot: Depot, pinned: Sequence[Upstream], done: Mapping[str, Resolved], old: Lock) -> Lock:
    """Return the lock of what was resolved now and, for what was not, of what was locked before."""
    kept = {one.name: (one, old.of(one.name)) for one in old.upstreams}
    known = {**kept, **done}
    parts = [known[one.name] for one in pinned if one.name in known]
    return Lock(
        tuple(locked for locked, _ in parts),
        tuple(artifact for _, artifacts in parts for artifact in artifacts),
        tuple(sorted(depot.config.accept_eula)),
    )


def _readable(
    depot: Depot,
    lock: Lock,
    done: dict[str, Resolved],
    errors: dict[str, CudepotError],
    assembled: Callable[[], Lock],
) -> tuple[Lock, bytes]:
    """Return the lock and its document; an upstream that would make it unreadable moves from ``done`` to ``errors``."""
    found: list[Trouble] = []
    with each_alone(depot, "cudepot.lock", found.append):
        return lock, _document(lock)
    found.clear()
    for name, (locked, artifacts) in done.items():
        with each_alone(depot, name, found.append):
            _document(Lock((locked,), artifacts))
    for one in found:
        del done[one.name]
    errors |= dict(found)
    lock = assembled()
    return lock, _document(lock)


def _document(lock: Lock) -> bytes:
    """Return a lock as it is written, after reading it again."""
    import tomli_w  # noqa: PLC0415 - where nothing changed nothing is written

    data = tomli_w.dumps(render_lock(lock)).encode()
    parse_lock(tomli.loads(data.decode()))
    return data


def _pinned(depot: Depot) -> list[Upstream]:
    found = [upstream for upstream in depot.config.upstreams if upstream.whole or depot.pins_of(upstream)]
    if not found:
        raise ConfigError(
            "cudepot.toml pins nothing", hint="add a [[pin]], or `whole = true`; see `cudepot explain formats`"
        )
    return found


@dataclass(frozen=True, slots=True)
class _Asking:
    """One upstream being resolved; each kind loads what it needs when it is there: start-up is most of a run."""

    depot: Depot
    upstream: Upstream
    findings: Findings
    rollback: bool
    accepted: Sequence[str]

    def resolve(self, old: Lock) -> Resolved:
        """Return what the pins mean: what ``old`` has of them where nothing changed."""
        depot, upstream = self.depot, self.upstream
        locked = old.upstream(upstream.name)
        before = (locked, old.of(upstream.name)) if locked else None
        if upstream.type in ("apt", "yum"):
            return self._repository(before)
        if upstream.type == "simple":
            from cudepot.workflows.lock_simple import resolve_simple  # noqa: PLC0415

            return resolve_simple(depot, upstream, before)
        if upstream.type == "redistrib":
            from cudepot.workflows.lock_redistrib import resolve_redistrib  # noqa: PLC0415

            return resolve_redistrib(depot, upstream, before)
        if upstream.type == "local-repo":
            from cudepot.workflows.lock_local import resolve_local  # noqa: PLC0415

            return resolve_local(depot, upstream, before, self.findings)
        from cudepot.workflows.lock_folder import resolve_folder  # noqa: PLC0415

        return resolve_folder(depot, upstream, before, self.findings)

    def _repository(self, before: Resolved | None) -> Resolved:
        """Return what is locked while the signed root is the same; a chain is loaded only to be followed."""
        asked = Asked.of(self.depot, self.upstream, self.findings)
        if before and not self.findings.again and asked.answers(before[0]):
            return before
        if self.upstream.type == "yum":
            from cudepot.workflows.lock_yum import resolve_yum  # noqa: PLC0415

            return resolve_yum(asked, before, rollback=self.rollback, accepted=self.accepted)
        from cudepot.workflows.lock_apt import resolve_apt  # noqa: PLC0415

        return resolve_apt(asked, before, rollback=self.rollback, accepted=self.accepted)


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
        if file.role == "extra"
    }
    extras |= {f"{file.path} ({one.name})": file.now for one in lock.upstreams for file in one.replaced}
    return extras | {
        f"{one.name} {one.version} {one.architecture} ({one.upstream})".replace("  ", " "): one.digest.sha256
        for one in lock.artifacts
    }
