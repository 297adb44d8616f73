"""Verify what a site shows of an apt repository: from the signed Release down to the packages."""

from __future__ import annotations

from collections.abc import Iterator

from cudepot.catalog.lock import FileRole, LockedUpstream
from cudepot.catalog.mirror import site_folder
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import SiteVerifier
from cudepot.depot.promised import keeps
from cudepot.digest import Digest, Promise
from cudepot.errors import TrustError
from cudepot.formats.apt import PackageIndex
from cudepot.formats.apt_release import ROOT_NAMES, Release, parse_release
from cudepot.kinds.apt.rules.suite import base_of
from cudepot.kinds.mirror_files import read_whole
from cudepot.ports import Signed, Verifier
from cudepot.store.local import LocalStore


def faults(store: LocalStore, site_verifier: SiteVerifier, snapshot: Snapshot, path: str) -> Iterator[str]:
    """Give the faults of a repository that the site signed; ``path`` is that of its InRelease."""
    folder = path.removesuffix("InRelease")
    signed = site_verifier().clearsigned(store.read(snapshot.tree[path]), path)
    release = parse_release(signed.text, path)
    for name, digest in release.files.items():
        if snapshot.tree.get(folder + name) != digest:
            yield f"{path}: {name} does not match this index"
    base = base_of(folder)
    for place in [one for one in release.files if one.rpartition("/")[2] == "Packages"]:
        index = PackageIndex(store.read(snapshot.tree[folder + place]), folder + place)
        for name in index.names():
            for package in index.named(name):
                if snapshot.tree.get(base + package.filename) != package.digest:
                    yield f"{folder}{place}: {package.filename} does not match this index"


def mirror_faults(store: LocalStore, snapshot: Snapshot, upstream: LockedUpstream, verifier: Verifier) -> Iterator[str]:
    """Give the faults of a whole mirror; ``verifier`` has the upstream's keys."""
    folder = site_folder(upstream)
    for part in dict.fromkeys(one.path.rpartition("/")[0] for one in upstream.files if one.role == FileRole.ROOT):
        yield from _suite_faults(store, snapshot, f"{folder}{part}/" if part else folder, verifier)
    found = read_whole(store, upstream)
    every: dict[str, Digest | Promise] = {**found.unknown, **found.shown}
    for name, promised in every.items():
        if not _kept(store, snapshot, folder + name, promised):
            yield f"{folder}: {name} is not the one the index names"


def _suite_faults(store: LocalStore, snapshot: Snapshot, folder: str, verifier: Verifier) -> Iterator[str]:
    for path, release in _releases(store, snapshot, folder, verifier):
        here = {name: one for name, one in release.promised().items() if folder + name in snapshot.tree}
        indexes = {name: one for name, one in here.items() if name not in ROOT_NAMES}
        for name, promised in indexes.items():
            if not _kept(store, snapshot, folder + name, promised):
                yield f"{path}: {name} does not match this index"
        if not indexes:
            yield f"{path}: none of the indexes it names is here"


def _kept(store: LocalStore, snapshot: Snapshot, path: str, promised: Digest | Promise) -> bool:
    """Return whether a file of the snapshot is what an index promises."""
    shown = snapshot.tree.get(path)
    return shown is not None and keeps(store, shown, promised)


def _releases(store: LocalStore, snapshot: Snapshot, folder: str, verifier: Verifier) -> Iterator[tuple[str, Release]]:
    """Give every root of a repository, its signature by the upstream's pinned keys checked."""
    both = {f"{folder}Release", f"{folder}Release.gpg"}
    if not both <= snapshot.tree.keys() and f"{folder}InRelease" not in snapshot.tree:
        raise TrustError("no signed root: neither InRelease nor Release with Release.gpg")
    for path, signed in _signed(store, snapshot, folder, verifier):
        yield path, parse_release(signed.text, path)


def _signed(store: LocalStore, snapshot: Snapshot, folder: str, verifier: Verifier) -> Iterator[tuple[str, Signed]]:
    names = ("InRelease", "Release", "Release.gpg")
    found = {name: store.read(snapshot.tree[folder + name]) for name in names if folder + name in snapshot.tree}
    if "InRelease" in found:
        yield f"{folder}InRelease", verifier.clearsigned(found["InRelease"], f"{folder}InRelease")
    if "Release.gpg" in found:
        yield f"{folder}Release", verifier.detached(found["Release"], found["Release.gpg"], f"{folder}Release")
