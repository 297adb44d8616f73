"""The apt part of ``cudepot verify --clients``: which apt clients refuse roots and keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Lock, LockedUpstream, Root
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Clock, Depot
from cudepot.depot.key_files import keys_in_files
from cudepot.depot.root_memory import RootMemory
from cudepot.digest import Digest
from cudepot.kinds.apt.rules.client_rules import judge_document, judge_key
from cudepot.kinds.rules.checked_clients import Checked, checked, checked_key
from cudepot.openpgp import PublicKey
from cudepot.ports import Verifier
from cudepot.signing.keys import parse_keys
from cudepot.store.local import LocalStore


def check_apt(depot: Depot, lock: Lock) -> Iterator[Checked]:
    """Give the verdicts on pinned keys, and on locked roots as they were signed."""
    for upstream in depot.config.upstreams:
        if upstream.type != "apt":
            continue
        depot.verifier(upstream)  # says where to get a key file that is missing
        keys = keys_in_files(depot.base, upstream)
        yield from _keys(depot.clock, upstream, keys)
        for entry in lock.upstreams:
            if entry.name == upstream.name:
                yield from _roots(depot, upstream, entry, keys)


def _keys(clock: Clock, upstream: Upstream, keys: Sequence[PublicKey]) -> Iterator[Checked]:
    today = clock().date()
    for key in keys:
        if key.fingerprint in upstream.keys:
            yield checked_key(key, upstream.name, judge_key(key, today))


def _roots(depot: Depot, upstream: Upstream, locked: LockedUpstream, keys: Sequence[PublicKey]) -> Iterator[Checked]:
    for root in locked.roots:
        document, signature = _document(depot.store, upstream, root)
        if document is not None:
            seen = depot.verifier(upstream).inspect(document, signature)
            verdicts = judge_document(seen, keys, depot.clock().date())
            yield checked("root", locked.url + root.path, upstream.name, seen, verdicts)


def _document(store: LocalStore, upstream: Upstream, root: Root) -> tuple[bytes | None, bytes | None]:
    """Return a root as it was served, and its signature where that is a file of its own; None when not kept."""
    document = store.find(root.digest)
    if root.path.endswith("InRelease"):
        return document, None
    seen = RootMemory.load(store, upstream).pages.get(root.path + ".gpg", {})
    signature = store.find(Digest(seen["sha256"], seen["size"])) if "sha256" in seen else None
    return (document if signature else None), signature


def shown_apt(depot: Depot, snapshot: Snapshot) -> Iterator[Checked]:
    """Give the verdicts on the roots the site shows, signed with its key or with the upstream's."""
    for path in sorted(snapshot.tree):
        folder, _, name = path.rpartition("/")
        if path.startswith("apt/") and name in ("InRelease", "Release.gpg"):
            yield from _shown(depot, snapshot, folder, name)


def _shown(depot: Depot, snapshot: Snapshot, folder: str, name: str) -> Iterator[Checked]:
    owner = folder.removeprefix("apt/")
    upstreams = [one for one in depot.config.upstreams if owner == one.name or owner.startswith(one.name + "/")]
    site_keys = parse_keys(depot.signer().public_key(armor=False))
    document = depot.store.find(snapshot.tree[f"{folder}/{'Release' if name == 'Release.gpg' else name}"])
    signature = depot.store.find(snapshot.tree[f"{folder}/{name}"]) if name == "Release.gpg" else None
    candidates: list[tuple[Verifier, Sequence[PublicKey]]] = [(depot.site_verifier(), site_keys)]
    today = depot.clock().date()
    for one in upstreams:
        rings = keys_in_files(depot.base, one)
        candidates += [(depot.verifier(one), rings)] if rings else []
    for verifier, keys in candidates:
        seen = verifier.inspect(document or b"", signature)
        if any(one.signer for one in seen):
            named, verdicts = upstreams[0].name if upstreams else owner, judge_document(seen, keys, today)
            yield checked("site", f"{folder}/{name}", named, seen, verdicts)
            return
