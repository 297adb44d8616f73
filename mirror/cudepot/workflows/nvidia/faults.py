"""Checks that NVIDIA's paths of a site show only what they may: what the site has elsewhere, and files it makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cudepot.catalog.ecosystems import signed_suffixes
from cudepot.catalog.lock import LockedUpstream
from cudepot.catalog.nvidia.site_files import is_keyring_of_ours
from cudepot.catalog.nvidia.site_paths import below, is_made, strange
from cudepot.catalog.site.snapshot import Tree
from cudepot.digest import Digest
from cudepot.store.local import LocalStore

_MOST = 1 << 20
"""Bytes of a file the site makes: keys and a few lines."""


def nvidia_faults(store: LocalStore, tree: Tree, upstreams: Sequence[LockedUpstream]) -> Iterator[str]:
    """Give a line for each path that has no business there.

    Packages are root's on the machines they are installed on, so ``cuda-keyring``, which nobody but the site signs, has
    to be what cudepot makes: no script, no other file.
    """
    for path in strange(tree, upstreams):
        yield f"{path}: is neither a copy from elsewhere on the site nor a file the site makes"
    packages = signed_suffixes()
    for path, digest in tree.items():
        made = below(path) and is_made(path) and path.endswith(packages)
        if made and not _is_sound(store, path, digest):
            yield f"{path}: is not a cuda-keyring built by cudepot"


def _is_sound(store: LocalStore, path: str, digest: Digest) -> bool:
    return digest.size <= _MOST and store.has(digest) and is_keyring_of_ours(path, store.read(digest))
