"""The upstreams' signed roots as they travel with a snapshot: what another site proves its packages with."""

from __future__ import annotations

from collections.abc import Iterator

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.bundle import SignedRoot
from cudepot.depot.depot import Depot, Keyring
from cudepot.depot.isolated import Isolation
from cudepot.depot.key_files import key_files
from cudepot.kinds.signed_roots import Proof, proofs_of
from cudepot.ports import Progress
from cudepot.signing.keys import dearmored
from cudepot.store.local import LocalStore


def signed_roots(depot: Depot, lock: Lock) -> tuple[SignedRoot, ...]:
    """Return the roots of a lock's signed upstreams with their keys, which become objects of the store."""
    return tuple(
        _signed_root(depot.config, depot.store, depot.keyring, one)
        for one in travelling_proofs(depot.store, depot.isolation, depot.progress, lock)
    )


def travelling_proofs(store: LocalStore, isolation: Isolation, progress: Progress, lock: Lock) -> Iterator[Proof]:
    """Give the proofs of a lock; an upstream whose root nobody foresaw travels without, and is named."""
    for upstream in lock.upstreams:
        with isolation.each(upstream.name, lambda one: progress.say(f"{one.name}: no proof: {one.error}")):
            yield from tuple(proofs_of(store, upstream))


def _signed_root(config: Config, store: LocalStore, keyring: Keyring, proof: Proof) -> SignedRoot:
    upstream: Upstream = config.upstream(proof.upstream)
    keyring.verifier(upstream)  # says where to get a key file that is missing
    keys = tuple(store.add_bytes(dearmored(file)) for file in key_files(keyring.base, upstream))
    return SignedRoot(proof.upstream, proof.type, proof.path, proof.document, proof.signature, keys, proof.indexes)
