"""Verify what a store keeps beside its objects: snapshots, build records, memories of upstreams, bundles' manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.site.bundle import parse_manifest
from cudepot.depot.builds import parse_record
from cudepot.depot.depot import Depot
from cudepot.depot.history import load_snapshot
from cudepot.depot.sync_memory import FILE as COMPLETE
from cudepot.depot.verdicts import FILE as PROOFS
from cudepot.digest import Digest
from cudepot.errors import CudepotError, FormatError, SignatureError
from cudepot.openpgp import is_plain_armor
from cudepot.sealed import unsealed
from cudepot.store.manifests import Manifests

KINDS = ("exported", "incoming", "imported")


def snapshot_faults(depot: Depot) -> Iterator[str]:
    """Check every snapshot: signature, place in the chain of hashes, and whether the store has what it names."""
    snapshots = depot.store.snapshots
    documents = snapshots.documents()
    for number in snapshots.numbers():
        depot.progress.step(f"checking snapshot {number}")
        try:
            snapshot = load_snapshot(snapshots, number, depot.site_verifier())
        except CudepotError as error:
            yield str(error)
            continue
        if not is_plain_armor(snapshots.read(number)[1]):
            yield f"{snapshots.path(number)}.asc: the signature holds, but its armour was changed"
        before = snapshots.document(number - 1)
        gap = number != documents[0] and not depot.config.site.origin  # bundles bring only some snapshots
        if (before or gap) and snapshot.parent != Digest.of(before).sha256:
            yield f"snapshot {number}: does not follow snapshot {number - 1} (its parent hash is another)"
        named = {**snapshot.tree, "its cudepot.lock": snapshot.lock}
        yield from (
            f"snapshot {number}: {path} is {'damaged' if depot.store.is_damaged(digest) else 'not'} in the store "
            f"({digest.sha256[:12]}…)"
            for path, digest in named.items()
            if not depot.store.has(digest)
        )


def damaged_snapshots(depot: Depot) -> Iterator[int]:
    """Give the numbers of snapshots that do not hold."""
    snapshots = depot.store.snapshots
    for number in snapshots.numbers():
        try:
            load_snapshot(snapshots, number, depot.site_verifier())
        except CudepotError:
            yield number
            continue
        if not is_plain_armor(snapshots.read(number)[1]):
            yield number


class RecordFault(NamedTuple):
    """A record of the store that does not hold.

    Attributes:
        damaged: whether its own bytes are wrong, so that it may be forgotten. A signed document that cannot be
            checked now (the clock, an expired key, a keyring or tool that is not there) may not.
    """

    path: Path
    text: str
    damaged: bool


def record_faults(depot: Depot) -> Iterator[RecordFault]:
    """Give each record of the store that does not hold, and what is wrong with it."""
    root = depot.store.root
    for path in sorted((root / "builds").glob("*.json")):
        yield from _fault(path, lambda path=path: parse_record(path.read_bytes(), str(path)))  # type: ignore[misc]
    alone = (root / name for name in ("rollback.json", COMPLETE, PROOFS))
    for path in [*sorted((root / "upstreams").glob("*.json")), *(one for one in alone if one.exists())]:
        yield from _fault(path, lambda path=path: unsealed(path.read_bytes(), str(path)))  # type: ignore[misc]
    for kind in KINDS:
        manifests = Manifests(root, kind)
        for name in manifests.names():
            path = root / kind / f"{name}.json"
            yield from _fault(path, lambda one=manifests, name=name: _check_manifest(depot, one, name))  # type: ignore[misc]


def _fault(path: Path, check: Callable[[], object]) -> Iterator[RecordFault]:
    signed = path.parent.name in KINDS
    try:
        check()
    except (CudepotError, OSError) as error:
        text = str(error) if str(path) in str(error) else f"{path}: {error}"
        yield RecordFault(path, text, not signed or isinstance(error, SignatureError | FormatError))


def _check_manifest(depot: Depot, manifests: Manifests, name: str) -> None:
    document, signature = manifests.read(name)
    depot.site_verifier().detached(document, signature, f"manifest {name}")
    parse_manifest(document, f"manifest {name}")


def log_faults(depot: Depot) -> Iterator[str]:
    """Check the log of accepted roots line by line."""
    log = depot.store.root / "roots.log"
    lines = log.read_bytes().splitlines() if log.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            unsealed(line, f"{log}, line {number}")
        except CudepotError as error:
            yield str(error)
