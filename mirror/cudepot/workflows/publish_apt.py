"""The ``apt/`` part of a site: one flat repository per upstream, re-signed with the site key."""

from __future__ import annotations

from collections.abc import Sequence

from cudepot.catalog import apt_plan
from cudepot.catalog.lock import Artifact, Lock, LockedUpstream
from cudepot.catalog.snapshot import Snapshot
from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.deb import read_control
from cudepot.workflows.depot import Depot

GENERATIONS = 3
"""Generations of indexes reachable by hash, the current one included."""


def apt_tree(depot: Depot, lock: Lock, earlier: Sequence[Snapshot]) -> dict[str, Digest]:
    """Return the path → content list of all apt repositories; new index files are put into the store.

    Args:
        depot: the depot.
        lock: what to publish.
        earlier: snapshots before this one, the newest first.
    """
    tree: dict[str, Digest] = {}
    for upstream in lock.upstreams:
        debs = [one for one in lock.of(upstream.name) if one.kind == "deb" and "mirror" in one.outputs]
        if debs and not upstream.files:  # a whole mirror is published as it is
            repository = _repository(depot, upstream, debs, earlier)
            tree |= {f"apt/{upstream.name}/{path}": digest for path, digest in repository.items()}
    return tree


def _repository(
    depot: Depot, upstream: LockedUpstream, debs: Sequence[Artifact], earlier: Sequence[Snapshot]
) -> dict[str, Digest]:
    pool = _pool(debs)
    stanzas = [_stanza(depot, one) for one in debs]
    texts = apt_plan.indexes(stanzas)
    files = {path: depot.store.add_bytes(text) for path, text in texts.items()}
    roots = _roots(depot, upstream, [one["Architecture"] for one in stanzas], texts, earlier)
    old = [_indexes_of(upstream, snapshot) for snapshot in earlier[: GENERATIONS - 1]]
    hashed = {
        path: digest for files_then in (*reversed(old), files) for path, digest in apt_plan.by_hash(files_then).items()
    }
    return pool | files | hashed | roots


def _pool(debs: Sequence[Artifact]) -> dict[str, Digest]:
    pool: dict[str, Digest] = {}
    for one in debs:
        if pool.setdefault(one.filename, one.digest) != one.digest:
            raise FormatError(
                f"{one.upstream}: two packages are called {one.filename} and differ",
                hint="pin only one of them, or split the upstream in two",
            )
    return pool


def _stanza(depot: Depot, deb: Artifact) -> dict[str, str]:
    with depot.store.open(deb.digest) as handle:
        return apt_plan.stanza(read_control(handle, what=deb.filename), deb.filename, deb.digest)


def _roots(
    depot: Depot,
    upstream: LockedUpstream,
    architectures: Sequence[str],
    texts: dict[str, bytes],
    earlier: Sequence[Snapshot],
) -> dict[str, Digest]:
    """Return the signed roots: the ones before when nothing but the date would change."""
    paths = {name: f"apt/{upstream.name}/{name}" for name in ("Release", "Release.gpg", "InRelease")}
    before = earlier[0].tree if earlier else {}
    old = _bytes(depot, before[paths["Release"]]) if paths["Release"] in before else None
    text = apt_plan.release(upstream, architectures, texts, apt_plan.next_date(depot.clock(), old))
    signer = depot.signer()
    if old is not None and earlier[0].signer == signer.fingerprint and apt_plan.same_repository(old, text):
        return {name: before[path] for name, path in paths.items()}
    made = {"Release": text, "Release.gpg": signer.detach(text), "InRelease": signer.clearsign(text)}
    return {name: depot.store.add_bytes(data) for name, data in made.items()}


def _indexes_of(upstream: LockedUpstream, snapshot: Snapshot) -> dict[str, Digest]:
    names = ("Packages", "Packages.gz", "Packages.xz")
    paths = {name: f"apt/{upstream.name}/{name}" for name in names}
    return {name: snapshot.tree[path] for name, path in paths.items() if path in snapshot.tree}


def _bytes(depot: Depot, digest: Digest) -> bytes:
    with depot.store.open(digest) as handle:
        return handle.read()
