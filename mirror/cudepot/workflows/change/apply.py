"""Locks a changed cudepot.toml and writes it; where that fails, both files are as they were.

Locking takes long, so it comes first: whatever kills the run then, cudepot.toml has not been touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.lock import Artifact, Lock
from cudepot.depot.depot import Depot
from cudepot.depot.locked import environment_fault_name, lock_or_empty
from cudepot.depot.partly import PartlyLockedError
from cudepot.depot.rounds import Failure
from cudepot.errors import ConfigError, CudepotError
from cudepot.store.local import LocalStore
from cudepot.user_files import write_user_file, write_user_text
from cudepot.workflows.change.draft import Draft
from cudepot.workflows.lock.lock import LockResult, make_lock


class Weight(NamedTuple):
    """What came to a lock, or left it, of one upstream.

    Attributes:
        asked, needed: how many packages somebody asked for, and how many these need.
        bytes: of all of them, each once.
        new_bytes: of those that are not in the store.
    """

    upstream: str
    asked: int
    needed: int
    bytes: int
    new_bytes: int


class Applied(NamedTuple):
    """A change that was locked: what `lock` says, and what came and went, by upstream."""

    result: LockResult
    came: tuple[Weight, ...]
    went: tuple[Weight, ...]


def apply(depot: Depot, draft: Draft, *, dry_run: bool, wait: float) -> Applied:
    """Lock a changed cudepot.toml and write it; in a dry run, only say what the lock would be.

    Raises:
        CudepotError: an upstream or environment that was changed cannot be locked; both files are as they were.
    """
    before = lock_or_empty(depot.lock_path)
    changed = replace(depot, config=draft.config)
    if dry_run:
        return _weighed(depot.store, before, _locked(changed, draft, dry_run=True, wait=wait))
    toml, lock = depot.base / "cudepot.toml", depot.lock_path
    old, old_lock = toml.read_bytes(), lock.read_bytes() if lock.exists() else None
    try:
        result = _locked(changed, draft, dry_run=False, wait=wait)
        if toml.read_bytes() != old:  # locking takes minutes
            raise ConfigError("cudepot.toml was changed meanwhile", hint="run the command again")
        write_user_text(toml, draft.text)
    except BaseException:
        _put_back(lock, old_lock)
        raise
    return _weighed(depot.store, before, result)


def _put_back(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    elif path.read_bytes() != content:
        write_user_file(path, content)


def _locked(depot: Depot, draft: Draft, *, dry_run: bool, wait: float) -> LockResult:
    try:
        result = make_lock(depot, dry_run=dry_run, wait=wait)
        for one in result.failed:
            if _is_ours(one, draft):
                raise one.error
    except CudepotError as error:
        if not dry_run:
            error.hint = f"{error.hint}; " * bool(error.hint) + "cudepot.toml and cudepot.lock are unchanged"
        raise
    return result


def _is_ours(failure: Failure, draft: Draft) -> bool:
    """Return whether what could not be locked is what was changed, not something that was so before."""
    if failure.upstream not in {*draft.parts, *map(environment_fault_name, draft.parts)}:
        return False
    pins = getattr(failure.error, "pins", ())
    return not isinstance(failure.error, PartlyLockedError) or not pins or bool(set(pins) & set(draft.specs))


def _weighed(store: LocalStore, before: Lock, result: LockResult) -> Applied:
    old, new = set(before.artifacts), set(result.lock.artifacts)
    return Applied(result, _weights(store, [*(new - old)]), _weights(store, [*(old - new)]))


def _weights(store: LocalStore, artifacts: Sequence[Artifact]) -> tuple[Weight, ...]:
    pinned = [one for one in artifacts if one.why != "environment"]
    names = sorted({one.upstream for one in pinned})
    return tuple(_weight(store, name, [one for one in pinned if one.upstream == name]) for name in names)


def _weight(store: LocalStore, upstream: str, artifacts: Sequence[Artifact]) -> Weight:
    sizes = {one.digest: one.digest.size for one in artifacts}
    asked = sum(one.why == "pin" for one in artifacts)
    lacking = [size for digest, size in sizes.items() if not store.has(digest)]
    return Weight(upstream, asked, len(artifacts) - asked, sum(sizes.values()), sum(lacking))
