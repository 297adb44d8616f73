"""NVIDIA's own paths on a site: where an upstream of NVIDIA's is shown a second time, as its URL has it. Pure.

What lies below them is, byte for byte, what ``apt/``, ``yum/`` and ``files/`` have, or was made by the site under a
name of NVIDIA's (:mod:`cudepot.catalog.nvidia.site_files`). ``docs/adr/0036-nvidia-paths.md`` says why.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from cudepot.catalog.ecosystems import APT, FILES, row_of_type
from cudepot.catalog.lock import Artifact, FileRole, LockedUpstream
from cudepot.catalog.mirror import leads_away, site_folder
from cudepot.catalog.site_tops import NVIDIA
from cudepot.digest import Digest
from cudepot.paths import plain_path
from cudepot.urls import split_url

_TOPS = tuple(f"{one}/" for one in NVIDIA)
_PATH = re.compile(r"(?:^|/)((?:compute/[a-z-]+/(?:repos|redist)|libnvidia-container)(?:/[A-Za-z0-9._+~/-]+)?)\Z")
_MADE = re.compile(r".+\.(?:pin|pub)|gpgkey|cuda-archive-keyring\.gpg")


class Shown(NamedTuple):
    """One of NVIDIA's folders on a site.

    Attributes:
        folder: as NVIDIA calls it: ``compute/cuda/repos/ubuntu2004/x86_64/``.
        source: the folder that has the same: ``apt/ubuntu2004/x86_64/``.
        upstream: whose it is.
    """

    folder: str
    source: str
    upstream: LockedUpstream


def below(path: str) -> bool:
    """Return whether a site path is one of NVIDIA's."""
    return path.startswith(_TOPS)


def bare(tree: Mapping[str, Digest]) -> dict[str, Digest]:
    """Return a tree without NVIDIA's paths."""
    return {path: digest for path, digest in tree.items() if not path.startswith(_TOPS)}


def is_made(path: str) -> bool:
    """Return whether the site makes a file of that name below NVIDIA's paths; one that names a source is no other's."""
    name = path.rpartition("/")[2]
    return bool(_MADE.fullmatch(name)) or leads_away(name)


def path_of(url: str, hosts: Collection[str] | None = None) -> str:
    """Return NVIDIA's path in a URL, ending in a slash; empty where there is none.

    Args:
        url: of an upstream.
        hosts: NVIDIA's hosts, to take no other; None takes a path at the end of any URL: a proxy's, a folder's.
    """
    parts = split_url(url)
    path = re.sub("/+", "/", unquote(parts.path)).strip("/") if parts else ""
    found = _PATH.search(path)
    if not parts or not found or plain_path(found[1]) != found[1]:
        return ""
    foreign = hosts is not None and (parts.hostname not in hosts or found.start(1))
    return "" if foreign else f"{found[1]}/"


def place(upstream: LockedUpstream, hosts: Collection[str] | None = None) -> str:
    """Return where NVIDIA's paths have what a site shows of an upstream; empty where they have no place for it.

    A subset is one flat repository, so it takes the place of a flat one only. Downloads have no URL: their upstream
    may be called by the path.
    """
    row = row_of_type(upstream.type)
    if row is None:
        return path_of(f"file:///{upstream.name}/") if hosts is None else ""
    path = path_of(upstream.url, hosts)
    if not path or row is not APT or upstream.files:
        return path if row.per_upstream else ""
    folders = {root.path.rpartition("/")[0] for root in upstream.roots}
    folder = folders.pop() if len(folders) == 1 else "dists"
    return "" if folder.startswith("dists") else f"{path}{folder}/" if folder else path


def planned(
    upstreams: Iterable[LockedUpstream], tree: Mapping[str, Digest], hosts: Collection[str] | None
) -> tuple[list[Shown], list[Shown]]:
    """Return what a tree can show below NVIDIA's paths, and what not: of two upstreams in one place the first."""
    taken: list[Shown] = []
    left: list[Shown] = []
    for one in upstreams:
        folder, source = place(one, hosts), site_folder(one)
        if not folder or not any(source + name in tree for name in _known_by(one, tree)):
            continue
        free = not any(folder.startswith(other.folder) or other.folder.startswith(folder) for other in taken)
        (taken if free else left).append(Shown(folder, source, one))
    return taken, left


def shown(tree: Mapping[str, Digest], upstreams: Iterable[LockedUpstream]) -> tuple[Shown, ...]:
    """Return what a finished tree shows below NVIDIA's paths, in the order of the upstreams."""
    found = [Shown(place(one), site_folder(one), one) for one in upstreams]
    return tuple(one for one in found if one.folder and _is_there(one, tree))


def copies(one: Shown, tree: Mapping[str, Digest], artifacts: Sequence[Artifact]) -> dict[str, Digest]:
    """Return what one of NVIDIA's folders has because the site has it elsewhere, or the lock: path → content."""
    if one.upstream.row is FILES:
        return dict(_redistributed(one, tree, artifacts))
    files = ((path.removeprefix(one.source), digest) for path, digest in tree.items() if path.startswith(one.source))
    return {one.folder + name: digest for name, digest in files if not leads_away(name.rpartition("/")[2])}


def strange(tree: Mapping[str, Digest], upstreams: Sequence[LockedUpstream]) -> Iterator[str]:
    """Give the paths below NVIDIA's that are neither what the site shows elsewhere nor the site's to make."""
    folders = {one.folder: one for one in shown(tree, upstreams)}
    for path, digest in tree.items():
        if below(path) and not is_made(path):
            owner = next((folders[one] for one in _parents(path) if one in folders), None)
            if owner is None or not _is_copy(owner, path, digest, tree):
                yield path


@functools.lru_cache(maxsize=4)
def whole_apt(document: bytes) -> Mapping[str, tuple[str, ...]]:
    """Return the folders, NVIDIA's among them, in which a snapshot shows whole apt repositories; none of another file.

    Args:
        document: the snapshot as it was signed.

    Returns:
        folder → names of packages that clients ask for as they are spelled (``pool//x.deb``), but none that leads out.
    """
    try:
        upstreams = json.loads(document)["upstreams"]
        whole = [one for one in upstreams if row_of_type(one["type"]) is APT and one.get("file")]
        folders = [(APT.folder(one["name"]), path_of(str(one.get("url", ""))), one) for one in whole]
        spelled = [(both, tuple(filter(plain_path, one.get("spelled", ())))) for *both, one in folders]
        return {folder: names for both, names in spelled for folder in both if folder}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _known_by(upstream: LockedUpstream, tree: Mapping[str, Digest]) -> list[str]:
    """Return the names in a site's folder that show that an upstream is there."""
    if upstream.row is FILES:
        source = site_folder(upstream)
        return [path.removeprefix(source) for path in tree if path.startswith(source)][:1]
    if upstream.files:
        return [one.path for one in upstream.files if one.role == FileRole.ROOT]
    return list(upstream.row.root_paths[:1])


def _is_there(one: Shown, tree: Mapping[str, Digest]) -> bool:
    if one.upstream.row is FILES:
        return any(tree.get(one.folder + root.path) == root.digest for root in one.upstream.roots)
    names = [name for name in _known_by(one.upstream, tree) if one.source + name in tree]
    return bool(names) and all(tree.get(one.folder + name) == tree[one.source + name] for name in names)


def _redistributed(
    one: Shown, tree: Mapping[str, Digest], artifacts: Sequence[Artifact]
) -> Iterator[tuple[str, Digest]]:
    """Give the archives where the manifest says that they are, and the manifests themselves."""
    for artifact in artifacts:
        path = f"{one.source}{artifact.filename}"
        if artifact.upstream == one.upstream.name and path in tree and plain_path(artifact.path) == artifact.path:
            yield one.folder + artifact.path, tree[path]
    for root in one.upstream.roots:
        yield one.folder + root.path, root.digest


def _is_copy(owner: Shown, path: str, digest: Digest, tree: Mapping[str, Digest]) -> bool:
    name = path.removeprefix(owner.folder)
    if owner.upstream.row is not FILES:
        return tree.get(owner.source + name) == digest
    file = f"{owner.source}{name.rpartition('/')[2]}"
    return tree.get(file) == digest or (name, digest) in [(one.path, one.digest) for one in owner.upstream.roots]


def _parents(path: str) -> Iterator[str]:
    """Give the folders above a path, the nearest first, each ending in a slash."""
    while path := path.rstrip("/").rpartition("/")[0]:
        path += "/"
        yield path
