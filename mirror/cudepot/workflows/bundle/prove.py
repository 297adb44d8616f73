"""Checks the packages of a snapshot against what their upstreams signed, with keys pinned on this side of the gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import BinaryIO, cast

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import signed_suffixes
from cudepot.catalog.lock import FileRole, Lock, LockedUpstream, Root
from cudepot.catalog.nvidia.site_paths import below as nvidias
from cudepot.catalog.site.bundle import SignedRoot, parse_manifest
from cudepot.catalog.site.snapshot import Tree
from cudepot.depot.depot import Depot
from cudepot.depot.promised import keeps
from cudepot.digest import CHUNK, Digest, Promise, VerifyingReader, hasher
from cudepot.errors import FormatError, TrustError
from cudepot.formats.compression import decompressed
from cudepot.kinds.kind import Reader
from cudepot.kinds.ports import Vouches
from cudepot.kinds.registry import kind_of, solves_of, vouching
from cudepot.ports import Progress, Signed
from cudepot.signing.gpgv import Gpgv
from cudepot.store.layout import IMPORTED
from cudepot.store.local import LocalStore
from cudepot.workflows.bundle.site_indexes import HINT, below, is_root, offered, own_roots
from cudepot.workflows.nvidia.faults import nvidia_faults

_FOLLOWING = "following the packages of %s to what it signed"
_TOLD = 10_000  # packages of an index after which it is told how many there were


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
    check_folders(lock, tree)
    for fault in nvidia_faults(depot.store, tree, lock.upstreams):
        raise TrustError(fault, hint=HINT)
    return tuple(prove_one(depot, lock, one, tree, roots) for one in lock.upstreams)


def prove_one(depot: Depot, lock: Lock, upstream: LockedUpstream, tree: Tree, roots: Sequence[SignedRoot]) -> Proved:
    """Follow one upstream of a lock as :func:`prove` does; the folders of the tree are another check.

    Raises:
        TrustError: as for :func:`prove`.
    """
    depot.progress.step(_FOLLOWING % upstream.name)
    shown = ({one.digest for one in lock.of(upstream.name)} | _shown(tree, upstream)) - _extras(tree, upstream)
    if not kind_of(upstream).locks.is_signed or not any(root.signers for root in upstream.roots):
        _check_unsigned(depot.config, upstream, tree)
        return Proved(upstream.name, upstream.type, (), len(shown))
    travelled = [_travelled(upstream, root, roots) for root in upstream.roots]
    verified = {one: _verified(depot.config, depot.store, upstream, one) for one in travelled}
    signers = [signer for one in travelled for signer in verified[one].signers]
    shown |= offered(depot, tree, upstream, {one: signed.text for one, signed in verified.items()})
    named: set[Digest | Promise] = set()
    for one, signed in verified.items():
        _name(depot, kind_of(upstream).vouches, one, signed, shown, named)
    strange = _strange(depot.store, shown - named, {one for one in named if isinstance(one, Promise)})
    if strange:
        raise TrustError(
            f"{upstream.name}: {len(strange)} packages are not in the index its upstream signed, "
            f"for example sha256 {min(strange).sha256}",
            hint=HINT,
        )
    return Proved(upstream.name, upstream.type, tuple(dict.fromkeys(signers)), len(shown))


def _check_unsigned(config: Config, upstream: LockedUpstream, tree: Tree) -> None:
    """Refuse a repository nobody but the site signs, unless it is named here: the near side may call anything so."""
    shows = kind_of(upstream).locks.is_signed or any(below(tree, upstream))
    if upstream.name in config.site.unsigned or not shows:
        return
    raise TrustError(
        f"{upstream.name}: the near side says this repository is unsigned ({upstream.type})",
        hint="if you expect that, list it in `unsigned-upstreams` of [site] in cudepot.toml",
    )


def check_folders(lock: Lock, tree: Tree) -> None:
    """Refuse repositories that belong to no locked upstream: nothing could be said of their packages."""
    known = tuple(f"{folder}/{one.name}/" for folder in vouching() for one in lock.upstreams)
    known += tuple(f"{folder}/" for one in lock.environments if (folder := solves_of(one).suite_folder(one.name)))
    rooms = tuple(f"{folder}/" for folder in vouching())
    for path in sorted(one for one in tree if not nvidias(one)):
        if (path.startswith(rooms) or is_root(path)) and not path.startswith(known):
            raise TrustError(f"{path}: belongs to no upstream of the snapshot's lock", hint=HINT)


def _strange(store: LocalStore, packages: set[Digest], promised: set[Promise]) -> set[Digest]:
    """Return the packages that keep none of the promises of an index that tells sha512 only; note those that do."""
    strange: set[Digest] = set()
    by_sha512 = {(one.sha512, one.size): one for one in promised}
    for one in packages:
        if not store.has(one):
            strange.add(one)
            continue
        with store.open(one) as handle:
            found = by_sha512.get((_sha512(handle), one.size)) if promised else None
        if found is None:
            strange.add(one)
        else:
            store.note_promise(found, one)
    return strange


def _sha512(stream: BinaryIO) -> str:
    one = hasher("sha512")
    while chunk := stream.read(CHUNK):
        one.update(chunk)
    return one.hexdigest()


def _travelled(upstream: LockedUpstream, root: Root, roots: Sequence[SignedRoot]) -> SignedRoot:
    for one in roots:
        if (one.upstream, one.path, one.document) == (upstream.name, root.path, root.digest):
            return one
    raise TrustError(
        f"{upstream.name}: the bundle lacks {root.path}, which its upstream signed",
        hint="export it again on the near side, after `cudepot lock`",
    )


def _verified(config: Config, store: LocalStore, upstream: LockedUpstream, root: SignedRoot) -> Signed:
    what = f"{upstream.name}: {root.path}"
    verifier, document = upstream_verifier(config, store, root, what), store.read(root.document)
    if root.signature is not None:
        return verifier.detached(document, store.read(root.signature), what)
    return verifier.clearsigned(document, what)


def upstream_verifier(config: Config, store: LocalStore, root: SignedRoot, what: str) -> Gpgv:
    """Return a verifier that takes the key files that travelled, and trusts only what is pinned here."""
    pinned = config.site.upstream_keys
    if not pinned:
        raise TrustError(f"{what}: no upstream keys are pinned here", hint="list them in `site.upstream-keys`")
    keyrings = [store.path(one) for one in root.keys if store.has(one)]
    return Gpgv(keyrings, pinned, pin_with="`upstream-keys` of [site] in cudepot.toml", configured=False)


def imported_roots(store: LocalStore, number: int) -> tuple[SignedRoot, ...]:
    """Return the roots that travelled with an imported snapshot; none for one that was made here."""
    imported, name = store.manifests(IMPORTED), f"{number:06d}"
    return parse_manifest(imported.read(name)[0], f"manifest {name}").roots if imported.has(name) else ()


def _name(
    depot: Depot,
    vouches: Vouches,
    root: SignedRoot,
    signed: Signed,
    shown: Set[Digest],
    named: set[Digest | Promise],
) -> None:
    """Add the packages that the indexes hanging from a verified root name, until all that are ``shown`` are named.

    Most indexes are there in several forms, which say the same.
    """
    promised = vouches.promises(root.path, signed.text)
    lists = vouches.lists_packages(root.path, signed.text)
    for path, digest in root.indexes:
        what = f"{root.upstream}: {path}"
        if not keeps(depot.store, digest, promised.get(path)):
            raise TrustError(f"{what}: does not match its signed root", hint="do not import this bundle")
        if lists(path) and not shown <= named:
            named.update(
                _counted(depot.progress, root.upstream, _listed(depot.store, vouches.reader(path), digest, what))
            )


def _counted(progress: Progress, upstream: str, packages: Iterable[Digest | Promise]) -> Iterator[Digest | Promise]:
    """Give packages on, and tell now and then how many there were."""
    for number, one in enumerate(packages, 1):
        if not number % _TOLD:
            progress.step(f"{_FOLLOWING % upstream}: {number:,} read")
        yield one


def _listed(store: LocalStore, reader: Reader, digest: Digest, what: str) -> Iterator[Digest | Promise]:
    """Give the packages of one index, which is hashed again while it is read."""
    try:
        with store.open(digest) as handle:
            checked = VerifyingReader(handle, digest, what)
            with decompressed(cast(BinaryIO, checked), what, limit=reader.limit) as text:
                yield from (one for _, one in reader.read(text, what) if one is not None)
    except FormatError as error:
        raise TrustError(f"{what}: {error}", hint="the index does not lead to its packages") from error


def _extras(tree: Tree, upstream: LockedUpstream) -> set[Digest]:
    """Return what nobody has to sign: extras, where the only roots clients see are the upstream's own.

    Beside an index of the site, which could offer them, they would be packages like any other.
    """
    if own_roots(tree, upstream):
        return set()
    return {one.digest for one in upstream.files if one.role == FileRole.EXTRA}


def _shown(tree: Tree, upstream: LockedUpstream) -> set[Digest]:
    """Return the packages a snapshot shows as this upstream's."""
    packages = signed_suffixes()
    return {digest for path, digest in below(tree, upstream) if path.endswith(packages)}
