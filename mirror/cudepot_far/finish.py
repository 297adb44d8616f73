"""Makes a snapshot of a complete bundle: the site's signature, the chain and the upstreams decide; one file shows."""

from typing import Callable, Iterator, List, Mapping, Optional

from cudepot_far.errors import ConfigError, FormatError, TrustError
from cudepot_far.manifest import Link, Manifest, Snapshot, Unpacked, parse_manifest, parse_snapshot
from cudepot_far.names import check_names, record_names
from cudepot_far.packed import unpacked, zstd
from cudepot_far.project import Project
from cudepot_far.store import IMPORTED, INCOMING, Store
from cudepot_far.told import checked_channels, keep_channels
from cudepot_far.values import Digest, digest_of
from cudepot_far.vouch import Proved, prove

_MOST = 32 << 20  # bytes of an edition that a patch may have to do with: both are in memory at once
_ASK = "send the output of `missing` to the near side"


class Links(Mapping[int, Link]):
    """The snapshots of a store by number, with the hashes of their documents: each is read when it is asked for."""

    def __init__(self, store: Store) -> None:
        self._store, self._numbers = store, store.numbers()

    def __getitem__(self, number: int) -> Link:
        if number not in self._numbers:
            raise KeyError(number)
        return Link(number, digest_of(self._store.snapshot(number)[0]).sha256)

    def __contains__(self, number: object) -> bool:
        return number in self._numbers

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


def links(store: Store) -> Links:
    """Return the snapshots of the store by number, with the hashes of their documents."""
    return Links(store)


def lacking(store: Store, manifest: Manifest) -> List[Digest]:
    """Return the members of a bundle that are not in the store, nor part of what was made of them there."""
    joined = {part for whole, parts in manifest.pieces if store.has(whole) for part in parts}
    joined |= {one.packed for one in manifest.unpacked if one.base and store.has(one.plain)}
    travelling = {one for volume in manifest.volumes for one in volume}
    return sorted(one for one in travelling - joined if not store.has(one))


def bring(project: Project, name: str, manifest: Manifest, say: Callable[[str], None]) -> Optional[List[Proved]]:
    """Import one bundle of which nothing is missing; return what vouches for it, None when it was here before."""
    store, here = project.store, links(project.store)
    _join(store, manifest)
    _unpack_all(store, manifest)
    say(f"checking snapshot {manifest.number}")
    fresh, proved = manifest.number > max(here, default=0), None
    if fresh:
        proved = prove(project, _checked(project, manifest), manifest.roots)
        store.settle()
    channels = checked_channels(project, manifest)
    number = f"{manifest.number:06d}"
    if (fresh or here.get(manifest.number) == manifest.link) and not store.has_manifest(IMPORTED, number):
        store.add_manifest(IMPORTED, number, *store.manifest(INCOMING, name))
    if fresh:
        store.add_snapshot(manifest.number, store.read(manifest.document), store.read(manifest.signature))
    record_names(store)
    keep_channels(store, channels)
    _drop_pieces(store, manifest)
    store.forget(INCOMING, name)
    return proved


def _join(store: Store, manifest: Manifest) -> None:
    for whole, parts in manifest.pieces:
        if not store.has(whole):
            store.add(whole, (chunk for part in parts for chunk in store.chunks(part)), f"object {whole.sha256}")


def _unpack_all(store: Store, manifest: Manifest) -> None:
    """Bring in what did not travel itself."""
    if any(one.base for one in manifest.unpacked) and manifest.base.number:
        store.add_bytes(store.snapshot(manifest.base.number)[0])
    for one in manifest.unpacked:
        if not store.has(one.plain):
            _unpack(store, one)


def _unpack(store: Store, one: Unpacked) -> None:
    what = f"object {one.packed.sha256[:12]}..."
    base = _base(store, one, what) if one.base else b""
    with store.open(one.packed) as handle:
        chunks = zstd(handle.read(1 << 16), handle, what, base) if base else unpacked(handle, what, one.plain.size)
        store.add(one.plain, chunks, f"{what} does not give what the manifest says")


def _base(store: Store, one: Unpacked, what: str) -> bytes:
    """Return what a patch is of."""
    base = one.base or one.plain
    if max(base.size, one.plain.size) > _MOST:
        raise FormatError(f"{what}: a patch of more than {_MOST} bytes", "cudepot never writes such a bundle")
    if not store.has(base):
        raise ConfigError(f"object {base.sha256}, which {what} is a patch of, was lost here", _ASK)
    return store.read(base)


def _checked(project: Project, manifest: Manifest) -> Snapshot:
    """Return the snapshot a bundle brings after what the site says of it was found to hold."""
    store, what = project.store, f"snapshot {manifest.number}"
    document, signature = store.read(manifest.document), store.read(manifest.signature)
    project.verifier().detached(document, signature, what)
    snapshot = parse_snapshot(document, what)
    if snapshot.number != manifest.number:
        raise TrustError(f"{what}: it contains the document of snapshot {snapshot.number}", "do not import it")
    if manifest.base.number == manifest.number - 1 and snapshot.parent != manifest.base.sha256:
        raise TrustError(f"{what}: does not follow snapshot {manifest.base.number} as it is here", "a foreign chain")
    needed = set(snapshot.tree.values()) | {snapshot.lock}
    missing = sum(not store.has(one) for one in needed)
    if missing:
        raise ConfigError(f"{what}: {missing} of its objects are neither here nor in the bundle", _ASK)
    check_names(store, snapshot)
    return snapshot


def _drop_pieces(store: Store, manifest: Manifest) -> None:
    """Remove pieces and patches that were used, unless one is something of its own: a manifest may call anything so."""
    joined = {part for _, parts in manifest.pieces for part in parts}
    joined |= {one.packed for one in manifest.unpacked if one.base}
    if joined:
        for part in joined - set(_kept(store)):
            store.discard(part)


def _kept(store: Store) -> Iterator[Digest]:
    """Give what all snapshots here show and what proves them."""
    for number in store.numbers():
        one = parse_snapshot(store.snapshot(number)[0], f"snapshot {number}")
        yield one.lock
        yield from one.tree.values()
    for name in store.manifests(IMPORTED):
        manifest = parse_manifest(store.manifest(IMPORTED, name)[0], name)
        yield manifest.document
        yield manifest.signature
        for root in manifest.roots:
            yield root.document
            yield from [root.signature] if root.signature else []
            yield from root.keys
            yield from (one for _, one in root.indexes)
