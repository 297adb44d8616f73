"""Verify what a site shows of a yum repository: from repomd.xml and its signature down to the packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cudepot.catalog.lock import FileRole, LockedUpstream
from cudepot.catalog.mirror import site_folder
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import SiteVerifier
from cudepot.depot.promised import keeps
from cudepot.digest import Digest
from cudepot.errors import CudepotError, TrustError
from cudepot.formats.primary import listing
from cudepot.formats.repomd import DOWNLOADED, PATH, Record, parse_repomd
from cudepot.kinds.yum.chain import opened
from cudepot.ports import Verifier
from cudepot.store.local import LocalStore


def _followed(
    store: LocalStore, snapshot: Snapshot, folder: str, verifier: Verifier | None, *, ours: bool = False
) -> Iterator[str]:
    """Give a line for each fault of one repository.

    Args:
        store: the store.
        snapshot: what the site shows.
        folder: of the repository, ``yum/NAME/``.
        verifier: whose signature counts; None for a root that nobody signed.
        ours: whether the site made it; else it is a whole mirror.

    Raises:
        CudepotError: its root cannot be read, or its signature does not hold.
    """
    root = _bytes(store, snapshot, folder + PATH)
    if verifier is not None:
        if f"{folder}{PATH}.asc" not in snapshot.tree:
            raise TrustError("no signature: repomd.xml.asc is missing")
        verifier.detached(root, _bytes(store, snapshot, f"{folder}{PATH}.asc"), folder + PATH)
    for one in parse_repomd(root, folder + PATH).records:
        shown = snapshot.tree.get(folder + one.href)
        if shown is None and not ours and one.type not in DOWNLOADED:
            continue  # what the upstream names and does not serve is left out
        if shown is None or not keeps(store, shown, one.promised):
            yield f"{folder}{PATH}: {one.href} does not match this index"
        elif one.type == "primary":
            yield from _packages(store, snapshot, folder, one, shown)


def _packages(store: LocalStore, snapshot: Snapshot, folder: str, primary: Record, shown: Digest) -> Iterator[str]:
    what = folder + primary.href
    with opened(store, shown, what) as text:
        for path, digest in listing(text, what):
            found = snapshot.tree.get(folder + path)
            if digest is not None and (found is None or not keeps(store, found, digest)):
                yield f"{what}: {path} does not match this index"


def _bytes(store: LocalStore, snapshot: Snapshot, path: str) -> bytes:
    try:
        return store.read(snapshot.tree[path])
    except KeyError:
        raise TrustError(f"{path} is missing") from None


def faults(store: LocalStore, site_verifier: SiteVerifier, snapshot: Snapshot, path: str) -> Iterator[str]:
    """Give the faults of a repository that the site signed; ``path`` is that of its repomd.xml."""
    try:
        yield from _followed(store, snapshot, path.removesuffix(PATH), site_verifier(), ours=True)
    except CudepotError as error:
        yield f"{path}: {error}"


def mirror_faults(
    store: LocalStore, snapshot: Snapshot, upstream: LockedUpstream, verifier: Callable[[], Verifier]
) -> Iterator[str]:
    """Follow a root by the upstream's keys; one that nobody signed is known by its hash in the snapshot only."""
    signed = any(one.path.endswith(".asc") for one in upstream.files if one.role == FileRole.ROOT)
    yield from _followed(store, snapshot, site_folder(upstream), verifier() if signed else None)
