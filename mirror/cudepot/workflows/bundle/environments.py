"""Checks the environments of a snapshot that came in a bundle: clients of this site get what its lock says of them."""

from __future__ import annotations

from cudepot.catalog.ecosystems import ENVIRONMENTS
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.snapshot import Tree
from cudepot.catalog.solution.graph import by_place
from cudepot.depot.locked import environment_fault_name
from cudepot.errors import TrustError
from cudepot.kinds.registry import solves_of
from cudepot.ports import Progress
from cudepot.store.local import LocalStore
from cudepot.workflows.bundle.site_indexes import HINT


def prove_environments(store: LocalStore, progress: Progress, lock: Lock, tree: Tree) -> None:
    """Resolve every environment of a lock anew, with nothing but its index in the tree.

    Raises:
        TrustError: clients would get something else than is locked, a locked file is not on the site, or an index
            belongs to no environment of the lock.
        ConfigError: only a newer cudepot knows such packages.
    """
    _check_known(lock, tree)
    artifacts = by_place(lock.artifacts)
    for one in lock.environments:
        name = environment_fault_name(one.name)
        progress.step(f"proving that clients get {name} as locked")
        if found := solves_of(one).prove(store, one, tree):
            raise TrustError(f"clients of {name} would not get the locked packages: {'; '.join(found)}", hint=HINT)
        for place in one.places:
            file = artifacts.get(place)
            if file is None or tree.get(file.site_path) != file.digest:
                raise TrustError(f"{name}: {'/'.join(place)} is not on the site as the lock has it", hint=HINT)


def _check_known(lock: Lock, tree: Tree) -> None:
    """Refuse indexes of environments that the lock does not have."""
    known = tuple(solves_of(one).index(one.name) for one in lock.environments)
    for path in sorted(one for one in tree if one.startswith(f"{ENVIRONMENTS}/")):
        if not path.startswith(known):
            raise TrustError(f"{path}: belongs to no environment of the snapshot's lock", hint=HINT)
