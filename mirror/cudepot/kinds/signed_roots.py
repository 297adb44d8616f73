"""What proves the artifacts of a lock: each upstream's signed roots and the indexes they name, as the store has them.

A bundle carries them, so that the far side checks the upstream's own signature again; ``gc`` keeps them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cudepot.catalog.lock import Lock, LockedUpstream, Root
from cudepot.digest import Digest
from cudepot.errors import CudepotError
from cudepot.kinds.registry import kind_of
from cudepot.store.local import LocalStore

_BEGIN, _END = b"-----BEGIN PGP SIGNED MESSAGE-----", b"-----BEGIN PGP SIGNATURE-----"


@dataclass(frozen=True, slots=True)
class Proof:
    """One root of an upstream and what hangs from it.

    Attributes:
        upstream: its name.
        type: its type: ``apt``, ``yum`` …
        path: of the root, below the upstream's URL.
        document: the root itself.
        signature: where it is a document of its own.
        indexes: path as the root has it → digest, as far as they are in the store.
    """

    upstream: str
    type: str
    path: str
    document: Digest
    signature: Digest | None
    indexes: tuple[tuple[str, Digest], ...]

    @property
    def objects(self) -> tuple[Digest, ...]:
        """Everything that has to be in the store to check it."""
        signature = (self.signature,) if self.signature else ()
        return (self.document, *signature, *(digest for _, digest in self.indexes))


def proofs(store: LocalStore, lock: Lock) -> tuple[Proof, ...]:
    """Return the proofs of all signed upstreams of a lock that the store still holds; nothing is verified here."""
    return tuple(one for upstream in lock.upstreams for one in proofs_of(store, upstream))


def proofs_of(store: LocalStore, upstream: LockedUpstream) -> Iterator[Proof]:
    """Give the proofs of one upstream."""
    for root in upstream.roots:
        if not kind_of(upstream).locks.is_signed or not root.signers or not store.has(root.digest):
            continue
        indexes = tuple((path, one) for path, one in _named(store, upstream, root).items() if store.has(one))
        yield Proof(upstream.name, upstream.type, root.path, root.digest, root.signature, indexes)


def _named(store: LocalStore, upstream: LockedUpstream, root: Root) -> dict[str, Digest]:
    """Return the indexes a root names, as far as it is known what their bytes are."""
    try:
        promised = kind_of(upstream).vouches.promises(root.path, plain_text(store.read(root.digest)))
    except CudepotError:
        return {}  # damaged: `verify` says so
    known = {path: one if isinstance(one, Digest) else store.known_as(one) for path, one in promised.items()}
    return {path: one for path, one in known.items() if one is not None}


def plain_text(document: bytes) -> bytes:
    """Return the text of a cleartext-signed document without looking at the signature; others as they are."""
    if not document.startswith(_BEGIN):
        return document
    return document.partition(b"\n\n")[2].partition(_END)[0]
