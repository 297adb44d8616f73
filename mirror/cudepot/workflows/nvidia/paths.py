"""NVIDIA's paths of a site: what the tree has already, where NVIDIA's URLs have it, and the files made beside it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import APT, FILES
from cudepot.catalog.lock import Lock
from cudepot.catalog.mirror import leading_away
from cudepot.catalog.nvidia.site_files import KEYRINGS, Repository, made
from cudepot.catalog.nvidia.site_paths import Shown, bare, below, copies, place, planned, shown
from cudepot.catalog.site.snapshot import Tree
from cudepot.depot.depot import Depot
from cudepot.depot.isolated import Trouble
from cudepot.depot.key_files import key_files
from cudepot.depot.shipped import load_presets
from cudepot.digest import Digest
from cudepot.formats.apt_release import parse_release
from cudepot.kinds.apt.rules.client_text import release_pin
from cudepot.kinds.signed_roots import plain_text
from cudepot.signing.keys import binary_keys, exported, read_keys
from cudepot.store.local import LocalStore

_ARMOR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_KEYRING = re.compile(r"cuda-keyring_([A-Za-z0-9.+~-]+)_all\.deb")
_AWAY = "is not published: it makes the upstream's own host a source of clients (`cudepot client` writes the site's)"
_NO_URL = (
    "NVIDIA's paths: without cuda-keyring, .repo and .list, which name the site's address: nothing says it; "
    'set `url = "https://…"` in [site]'
)


class WithNvidia(NamedTuple):
    """A tree with NVIDIA's paths, and a line for each thing that is not there."""

    tree: dict[str, Digest]
    notes: tuple[str, ...] = ()


def with_nvidia(depot: Depot, lock: Lock, tree: Tree) -> WithNvidia:
    """Return a tree with NVIDIA's paths as they have to be now; what it had of them before is gone.

    Args:
        depot: the depot; new files are put into its store.
        lock: what the tree was made from.
        tree: all else that the site shows.
    """
    found = bare(tree)
    notes = tuple(f"{one.name}: {path} {_AWAY}" for one in lock.upstreams for path in leading_away(one))
    if depot.config.site.nvidia_paths is False or not any(place(one) for one in lock.upstreams):
        return WithNvidia(found, notes)
    places, left = planned(lock.upstreams, found, _hosts(depot.config))
    twins = {path: one for part in places for path, one in _copies(depot.store, part, found, lock).items()}
    troubles: list[Trouble] = []
    files = made(_repositories(depot, places, found, troubles), depot.config.site.reached_at, depot.epoch)
    added = {path: depot.store.add_bytes(data) for path, data in files.items()}
    return WithNvidia(found | twins | added, (*notes, *_lacking(depot.config, places, left, troubles)))


def _lacking(
    config: Config, places: Sequence[Shown], left: Sequence[Shown], troubles: Sequence[Trouble]
) -> Iterator[str]:
    """Say what is not below NVIDIA's paths, and why."""
    for one in left:
        yield f"{one.folder} shows what comes first with that URL, and not {one.upstream.name}"
    for trouble in troubles:
        yield f"{trouble.name}: no key or source below NVIDIA's paths: {trouble.error}"
    if not config.site.reached_at and any(one.upstream.row is not FILES for one in places):
        yield _NO_URL


def _copies(store: LocalStore, one: Shown, tree: Tree, lock: Lock) -> dict[str, Digest]:
    """Return what lies in one of NVIDIA's folders; a manifest, which only the lock names, may be lost."""
    found = copies(one, tree, lock.artifacts)
    if one.upstream.row is not FILES:
        return found
    lost = {root.digest for root in one.upstream.roots if not store.has(root.digest)}
    return {path: digest for path, digest in found.items() if digest not in lost}


@dataclass(frozen=True, slots=True)
class Copies:
    """What a bucket holds a second time, copied on its server: objects and bytes; none in a folder, which has links."""

    files: int = 0
    bytes: int = 0


NO_COPIES = Copies()


def copies_of(config: Config, lock: Lock, tree: Tree) -> Copies:
    """Return what NVIDIA's paths take in a bucket; packages of whole apt repositories have a name with ``./`` too."""
    place = config.site.place
    if place.has_links:
        return NO_COPIES
    sizes = {path: one.size for path, one in tree.items() if below(path)}
    whole = tuple(one.folder for one in shown(tree, lock.upstreams) if one.upstream.files and not one.upstream.is_yum)
    dotted = [size for path, size in sizes.items() if path.startswith(whole) and path.endswith(APT.suffixes)]
    again = [*sizes.values(), *(dotted if place.dotted_names else ())]
    return Copies(len(again), sum(again))


def _hosts(config: Config) -> Collection[str] | None:
    """Return the hosts whose paths count; None where all do because somebody said so."""
    return None if config.site.nvidia_paths else load_presets().hosts


def _repositories(depot: Depot, places: Sequence[Shown], tree: Tree, troubles: list[Trouble]) -> Iterator[Repository]:
    ours = depot.store.read(tree["keys/site.asc"]), depot.store.read(tree["keys/site.gpg"])
    keys = _Keys(depot.base, ours)
    for one in places:
        if one.upstream.row is not FILES:
            with depot.isolation.each(one.upstream.name, troubles.append):
                yield _repository(depot.config, depot.store, one, tree, keys)


def _repository(config: Config, store: LocalStore, one: Shown, tree: Tree, keys: _Keys) -> Repository:
    upstream, whole = config.upstream(one.upstream.name), bool(one.upstream.files)
    blocks, is_yum = list(keys.of(upstream, whole=whole)), one.upstream.is_yum
    return Repository(
        one.folder,
        is_yum,
        "" if is_yum else _release(store, one, tree),
        tuple(armored for armored, _ in blocks),
        b"".join(binary for _, binary in blocks),
        tuple(key[-8:] for key in upstream.keys),
        not is_yum or not whole or f"{one.source}repodata/repomd.xml.asc" in tree,
        bool(upstream.package_keys),
        () if is_yum else _keyrings(one, tree),
    )


class _Keys:
    """The keys that clients of a repository need, each read once."""

    def __init__(self, base: Path, ours: tuple[bytes, bytes]) -> None:
        self._base, self._ours = base, ours
        self._known: dict[str, tuple[bytes, bytes]] = {}

    def of(self, upstream: Upstream, *, whole: bool) -> Iterator[tuple[bytes, bytes]]:
        """Give the keys of the metadata, then of rpms, each by itself as text and binary.

        yum 3 and older rpms read one key of each armor.
        """
        if not whole:
            yield self._ours
        theirs = (*(upstream.keys if whole else ()), *upstream.package_keys)
        for fingerprint in dict.fromkeys(theirs):
            if fingerprint not in self._known:
                armored = _as_it_came(key_files(self._base, upstream), fingerprint)
                self._known[fingerprint] = armored, binary_keys(armored, fingerprint)
            yield self._known[fingerprint]


def _as_it_came(files: Sequence[Path], fingerprint: str) -> bytes:
    """Return a key in text form: its file's own bytes where that holds nothing else, for those who know their hash."""
    for file in files:
        data = file.read_bytes()
        if data.startswith(_ARMOR) and [one.fingerprint for one in read_keys(file)] == [fingerprint]:
            return data
    return exported(files, [fingerprint])


def _release(store: LocalStore, one: Shown, tree: Tree) -> str:
    """Return what preferences know a repository by; a `dists/` one has several roots, which say the same."""
    names = [path for path in tree if path.startswith(one.source) and path.endswith(("/InRelease", "/Release"))]
    fields = parse_release(plain_text(store.read(tree[names[0]])), names[0]).fields
    return release_pin(fields.get("Origin", ""), fields.get("Label", ""))


def _keyrings(one: Shown, tree: Tree) -> tuple[str, ...]:
    """Return the versions of ``cuda-keyring`` to make: those that guides name, and those that the index offers."""
    found = (_KEYRING.fullmatch(path.removeprefix(one.source)) for path in tree if path.startswith(one.source))
    return tuple(dict.fromkeys((*KEYRINGS, *(name[1] for name in found if name))))
