"""Verify what a site shows of a repository mirrored whole: the upstream signed it, so its pinned keys count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import LockedUpstream
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import VerifierOf
from cudepot.depot.isolated import Isolation
from cudepot.errors import ConfigError, TrustError
from cudepot.kinds.registry import kind_of_mirror
from cudepot.kinds.site_roots import mirrors
from cudepot.ports import Verifier
from cudepot.store.local import LocalStore
from cudepot.workflows.bundle.prove import imported_roots, upstream_verifier


def mirror_faults(
    config: Config, store: LocalStore, verifier: VerifierOf, isolation: Isolation, snapshot: Snapshot
) -> Iterator[str]:
    """Follow the roots of every whole mirror down to its packages; give a line for each fault."""
    for folder, upstream in mirrors(snapshot).items():
        find = partial(_verifier, config, store, verifier, snapshot, folder)
        yield from isolation.lines(folder, _faults(store, snapshot, upstream, find))


def _faults(
    store: LocalStore, snapshot: Snapshot, upstream: LockedUpstream, verifier: Callable[[], Verifier]
) -> Iterator[str]:
    yield from kind_of_mirror(upstream).shows.mirror_faults(store, snapshot, upstream, verifier)


def _verifier(config: Config, store: LocalStore, verifier: VerifierOf, snapshot: Snapshot, folder: str) -> Verifier:
    name = folder.partition("/")[2].rstrip("/")
    for root in imported_roots(store, snapshot.number):
        if root.upstream == name:
            return upstream_verifier(config, store, root, folder)
    try:
        return verifier(config.upstream(name))
    except ConfigError as error:
        raise TrustError(
            f"the upstream's keys are no longer in cudepot.toml, so it was not checked: {error}"
        ) from error
