"""Checks the packages of a snapshot against what their upstreams signed, with keys pinned on this side of the gap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from cudepot.catalog.bundle import SignedRoot, parse_manifest
from cudepot.catalog.lock import Lock, LockedUpstream, Root
from cudepot.catalog.snapshot import Tree
from cudepot.digest import Digest, VerifyingReader
from cudepot.errors import FormatError, TrustError
from cudepot.formats.apt import parse_release
from cudepot.formats.apt_listing import listing
from cudepot.formats.compression import decompressed
from cudepot.formats.primary import listing as rpm_listing
from cudepot.formats.repomd import parse_repomd
from cudepot.ports import Signed
from cudepot.signing.gpgv import Gpgv
from cudepot.store.local import LocalStore
from cudepot.store.manifests import Manifests
from cudepot.workflows.apt_chain import INDEX_LIMIT
from cudepot.workflows.depot import Depot
from cudepot.workflows.proof import SIGNED, read
from cudepot.workflows.whole import read_whole
from cudepot.workflows.yum_chain import METADATA_LIMIT


@dataclass(frozen=True, slots=True)
class Proved:
    """What is known of one upstream's packages.

    Attributes:
        signers: pinned keys whose signature led to them; empty where only the site vouches for them.
        packages: how many.
    """

    upstream: str
    type: str
    signers: tuple[str, ...]
    packages: int


def prove(depot: Depot, lock: Lock, tree: Tree, roots: Sequence[SignedRoot]) -> tuple[Proved, ...]:
    """Follow every signed upstream of a lock from its root's signature to the packages the tree shows.

    Args:
        depot: its store holds all objects, its configuration pins the keys that may sign upstreams.
        lock: what the snapshot was made from.
        tree: what it shows.
        roots: what travelled with it.

    Raises:
        TrustError: a signature by a pinned key is missing, or a package is not one the signed index names.
    """
    return tuple(_prove(depot, lock, one, tree, roots) for one in lock.upstreams)


def _prove(depot: Depot, lock: Lock, upstream: LockedUpstream, tree: Tree, roots: Sequence[SignedRoot]) -> Proved:
    artifacts = {one.digest for one in lock.of(upstream.name)}
    mirrored = set(read_whole(depot, upstream).packages.values()) if upstream.files else artifacts
    if upstream.type not in SIGNED or not any(root.signers for root in upstream.roots):
        return Proved(upstream.name, upstream.type, (), len(mirrored))
    signers: list[str] = []
    named: set[Digest] = set()
    for root in upstream.roots:
        travelled = _travelled(upstream, root, roots)
        signed = _verified(depot, upstream, travelled)
        signers += signed.signers
        named |= _named(depot.store, travelled, signed)
    strange = mirrored - named or _shown(tree, upstream) - named
    if strange:
        raise TrustError(
            f"{upstream.name}: {len(strange)} packages are not in the index its upstream signed, "
            f"sha256 {min(strange).sha256} for one",
            hint="the near side, or the bundle, is not to be trusted: do not import it",
        )
    return Proved(upstream.name, upstream.type, tuple(dict.fromkeys(signers)), len(mirrored))


def _travelled(upstream: LockedUpstream, root: Root, roots: Sequence[SignedRoot]) -> SignedRoot:
    for one in roots:
        if (one.upstream, one.path, one.document) == (upstream.name, root.path, root.digest):
            return one
    raise TrustError(
        f"{upstream.name}: the bundle lacks {root.path}, which its upstream signed",
        hint="export it again on the near side, after `cudepot lock`",
    )


def _verified(depot: Depot, upstream: LockedUpstream, root: SignedRoot) -> Signed:
    what = f"{upstream.name}: {root.path}"
    verifier, document = upstream_verifier(depot, root, what), read(depot.store, root.document)
    if root.signature is not None:
        return verifier.detached(document, read(depot.store, root.signature), what)
    return verifier.clearsigned(document, what)


def upstream_verifier(depot: Depot, root: SignedRoot, what: str) -> Gpgv:
    """Return a verifier that takes the key files that travelled, and trusts only what is pinned here."""
    pinned = depot.config.site.upstream_keys
    if not pinned:
        raise TrustError(f"{what}: no upstream key is pinned here", hint="name them in `site.upstream-keys`")
    keyrings = [depot.store.path(one) for one in root.keys if depot.store.has(one)]
    return Gpgv(keyrings, pinned, pin_with="`upstream-keys` of [site] in cudepot.toml")


def imported_roots(depot: Depot, number: int) -> tuple[SignedRoot, ...]:
    """Return the roots that travelled with an imported snapshot; none for one that was made here."""
    imported, name = Manifests(depot.store.root, "imported"), f"{number:06d}"
    return parse_manifest(imported.read(name)[0], f"manifest {name}").roots if imported.has(name) else ()


def _named(store: LocalStore, root: SignedRoot, signed: Signed) -> set[Digest]:
    """Return every package that the indexes hanging from a verified root name."""
    readers: dict[str, Callable[[LocalStore, SignedRoot, Signed], Iterator[Digest]]] = {
        "apt": _named_by_apt,
        "yum": _named_by_yum,
    }
    if root.type not in readers:
        raise TrustError(f"{root.upstream}: this cudepot cannot follow a repository of type {root.type!r}")
    return set(readers[root.type](store, root, signed))


def _named_by_apt(store: LocalStore, root: SignedRoot, signed: Signed) -> Iterator[Digest]:
    release = parse_release(signed.text, root.path)
    for path, digest in root.indexes:
        what = f"{root.upstream}: {path}"
        if release.files.get(path) != digest:
            raise TrustError(f"{what}: is not the one its signed root names", hint="do not import this bundle")
        if path.rpartition("/")[2].partition(".")[0] != "Packages":
            continue
        with store.open(digest) as handle:
            checked = VerifyingReader(handle, digest, what)
            with decompressed(cast(BinaryIO, checked), what, limit=INDEX_LIMIT) as text:
                yield from _listed(text, what)


def _named_by_yum(store: LocalStore, root: SignedRoot, signed: Signed) -> Iterator[Digest]:
    primary = parse_repomd(signed.text, root.path).record("primary")
    digest = dict(root.indexes).get(primary.href) if primary else None
    if primary is None or digest is None or digest != primary.promised:
        raise TrustError(f"{root.upstream}: the bundle lacks the primary.xml its signed root names")
    what = f"{root.upstream}: {primary.href}"
    with store.open(digest) as handle:
        checked = VerifyingReader(handle, digest, what)
        with decompressed(cast(BinaryIO, checked), what, limit=METADATA_LIMIT) as text:
            yield from (one for _, one in rpm_listing(text, what) if one is not None)


def _listed(text: BinaryIO, what: str) -> Iterator[Digest]:
    try:
        # what an index knows by sha512 only is not proved by it here, so a bundle that holds such packages is refused
        yield from (one for _, one in listing(text, what) if isinstance(one, Digest))
    except FormatError as error:
        raise TrustError(f"{what}: {error}", hint="the index cannot be followed to its packages") from error


def _shown(tree: Tree, upstream: LockedUpstream) -> set[Digest]:
    """Return the packages a snapshot shows as this upstream's."""
    folders = tuple(f"{room}/{upstream.name}/" for room in ("apt", "yum"))
    return {digest for path, digest in tree.items() if path.startswith(folders) and path.endswith((".deb", ".rpm"))}
