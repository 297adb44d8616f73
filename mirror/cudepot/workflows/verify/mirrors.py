"""Verify what a site shows of a repository mirrored whole: the upstream signed it, so its pinned keys count."""

from __future__ import annotations

from collections.abc import Iterator

from cudepot.catalog.lock import FileRole, LockedUpstream
from cudepot.catalog.mirror import site_folder
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot
from cudepot.depot.isolated import lines_alone
from cudepot.digest import Digest, Promise
from cudepot.errors import ConfigError, TrustError
from cudepot.formats.apt_release import ROOT_NAMES, Release, parse_release
from cudepot.kinds.mirror_files import read_whole
from cudepot.kinds.yum.verify import yum_faults
from cudepot.ports import Signed, Verifier
from cudepot.workflows.bundle.prove import imported_roots, upstream_verifier


def whole_upstreams(snapshot: Snapshot) -> dict[str, LockedUpstream]:
    """Return the upstreams a snapshot shows whole, by their folder on the site."""
    return {site_folder(one): one for one in snapshot.upstreams if one.files}


def whole_faults(depot: Depot, snapshot: Snapshot) -> Iterator[str]:
    """Follow the roots of every whole mirror down to its packages; give a line for each fault."""
    for folder, upstream in whole_upstreams(snapshot).items():
        find = _yum_faults if upstream.type == "yum" else _faults
        yield from lines_alone(depot, folder, find(depot, snapshot, folder, upstream))


def _faults(depot: Depot, snapshot: Snapshot, folder: str, upstream: LockedUpstream) -> Iterator[str]:
    verifier = _verifier(depot, snapshot, folder)
    for part in dict.fromkeys(one.path.rpartition("/")[0] for one in upstream.files if one.role == FileRole.ROOT):
        yield from _suite_faults(depot, snapshot, f"{folder}{part}/" if part else folder, verifier)
    found = read_whole(depot, upstream)
    every: dict[str, Digest | Promise] = {**found.unknown, **found.shown}
    for name, promised in every.items():
        if not _kept(depot, snapshot, folder + name, promised):
            yield f"{folder}: {name} is not the one the index names"


def _yum_faults(depot: Depot, snapshot: Snapshot, folder: str, upstream: LockedUpstream) -> Iterator[str]:
    """Follow a root by the upstream's keys; one that nobody signed is known by its hash in the snapshot only."""
    signed = any(one.path.endswith(".asc") for one in upstream.files if one.role == FileRole.ROOT)
    yield from yum_faults(depot, snapshot, folder, _verifier(depot, snapshot, folder) if signed else None)


def _suite_faults(depot: Depot, snapshot: Snapshot, folder: str, verifier: Verifier) -> Iterator[str]:
    for path, release in _releases(depot, snapshot, folder, verifier):
        here = {name: one for name, one in release.promised().items() if folder + name in snapshot.tree}
        indexes = {name: one for name, one in here.items() if name not in ROOT_NAMES}
        for name, promised in indexes.items():
            if not _kept(depot, snapshot, folder + name, promised):
                yield f"{path}: {name} is not the one it names"
        if not indexes:
            yield f"{path}: none of the indexes it names is here"


def _kept(depot: Depot, snapshot: Snapshot, path: str, promised: Digest | Promise) -> bool:
    """Tell whether a file of the snapshot is what an index promises."""
    shown = snapshot.tree.get(path)
    if shown is None or isinstance(promised, Digest):
        return shown == promised
    with depot.store.open(shown) as handle:
        return promised.kept_by(handle)


def _releases(depot: Depot, snapshot: Snapshot, folder: str, verifier: Verifier) -> Iterator[tuple[str, Release]]:
    """Give every root of a repository, its signature by the upstream's pinned keys checked."""
    both = {f"{folder}Release", f"{folder}Release.gpg"}
    if not both <= snapshot.tree.keys() and f"{folder}InRelease" not in snapshot.tree:
        raise TrustError("no signed root: neither InRelease nor Release with Release.gpg")
    for path, signed in _signed(depot, snapshot, folder, verifier):
        yield path, parse_release(signed.text, path)


def _signed(depot: Depot, snapshot: Snapshot, folder: str, verifier: Verifier) -> Iterator[tuple[str, Signed]]:
    names = ("InRelease", "Release", "Release.gpg")
    found = {name: depot.store.read(snapshot.tree[folder + name]) for name in names if folder + name in snapshot.tree}
    if "InRelease" in found:
        yield f"{folder}InRelease", verifier.clearsigned(found["InRelease"], f"{folder}InRelease")
    if "Release.gpg" in found:
        yield f"{folder}Release", verifier.detached(found["Release"], found["Release.gpg"], f"{folder}Release")


def _verifier(depot: Depot, snapshot: Snapshot, folder: str) -> Verifier:
    name = folder.partition("/")[2].rstrip("/")
    for root in imported_roots(depot, snapshot.number):
        if root.upstream == name:
            return upstream_verifier(depot, root, folder)
    try:
        return depot.verifier(depot.config.upstream(name))
    except ConfigError as error:
        raise TrustError(f"the upstream's keys are not in cudepot.toml any more, so not checked: {error}") from error
