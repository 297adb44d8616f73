"""The files that the site makes below NVIDIA's paths: keys, keyring packages, sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import FILES
from cudepot.catalog.nvidia.site_files import KEYRINGS, Repository, made
from cudepot.catalog.nvidia.site_paths import Shown
from cudepot.catalog.site.snapshot import Tree
from cudepot.catalog.site_tops import KEY, KEYRING
from cudepot.depot.depot import Depot
from cudepot.depot.isolated import Trouble
from cudepot.depot.key_files import key_files
from cudepot.formats.apt_release import parse_release
from cudepot.kinds.apt.rules.client_text import release_pin
from cudepot.kinds.signed_roots import plain_text
from cudepot.signing.keys import binary_keys, exported, read_keys
from cudepot.store.local import LocalStore

_ARMOR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_KEYRING = re.compile(r"cuda-keyring_([A-Za-z0-9.+~-]+)_all\.deb")


def made_files(depot: Depot, places: Sequence[Shown], tree: Tree, troubles: list[Trouble]) -> dict[str, bytes]:
    """Return site path → content of what has to lie beside the repositories at these places.

    Args:
        depot: the depot.
        places: what NVIDIA's paths show.
        tree: all else that the site shows.
        troubles: gets what kept the files of an upstream from being made.
    """
    return made(_repositories(depot, places, tree, troubles), depot.config.site.reached_at, depot.epoch)


def _repositories(depot: Depot, places: Sequence[Shown], tree: Tree, troubles: list[Trouble]) -> Iterator[Repository]:
    ours = depot.store.read(tree[KEY]), depot.store.read(tree[KEYRING])
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
