"""Suites of environments, ``apt/dists/NAME``: indexes of the site over packages that lie with their upstreams.

They are signed by the site alone. So each entry has to be that of the upstream's own repository on the site, whose
packages were followed to the upstream's signature; only the place is another, and what the suite calls required.
"""

import re
from typing import Dict, List, Set

from cudepot_far.apt import APT, entries
from cudepot_far.errors import TrustError
from cudepot_far.manifest import Snapshot
from cudepot_far.project import Project
from cudepot_far.promises import same_text
from cudepot_far.values import Digest, checked

HINT = "the near side or the bundle cannot be trusted: do not import it"
ROOM = "apt/dists/"
_ROOTS = ("InRelease", "Release")
_SIZE = re.compile(r"[0-9]{1,18}")
_OWN = ("filename", "priority")
"""Fields in which an entry of a suite differs from that of the repository it is taken from."""
Fields = Dict[str, str]


def suites(snapshot: Snapshot) -> List[str]:
    """Return the folders of the suites a snapshot shows; each ends in a slash."""
    if any((one.name + "/").startswith("dists/") for one in snapshot.upstreams):
        return []
    found = {path[: path.index("/", len(ROOM)) + 1] for path in snapshot.tree if path.startswith(ROOM) and _inner(path)}
    return sorted(found)


def _inner(path: str) -> bool:
    return "/" in path[len(ROOM) :]


def check_suites(project: Project, snapshot: Snapshot, proved: Set[Digest]) -> None:
    """Refuse a suite that offers anything else than what upstreams have on the site.

    Args:
        project: its store has all objects.
        snapshot: what is to be shown.
        proved: packages that were followed to their upstreams, or that need not be.

    Raises:
        TrustError: an index says more or less, or a file belongs to no suite.
    """
    for folder in suites(snapshot):
        _check_suite(project, snapshot, folder, proved)


def _check_suite(project: Project, snapshot: Snapshot, folder: str, proved: Set[Digest]) -> None:
    here = {path[len(folder) :]: one for path, one in snapshot.tree.items() if path.startswith(folder)}
    if not set(_ROOTS) <= set(here):
        raise TrustError(f"{folder}: lacks InRelease or Release", HINT)
    text = project.verifier().clearsigned(project.store.read(here["InRelease"]), f"{folder}InRelease")[0]
    plain = project.store.read(here["Release"])
    if not same_text(text, plain):
        raise TrustError(f"{folder}Release: does not match InRelease", HINT)
    named = APT.leads_to(plain, f"{folder}Release", ours=True)
    for path, one in sorted(named.items()):
        if path not in here or (one.value, one.size) != tuple(here[path]):
            raise TrustError(f"{folder}{path}: does not match its Release", HINT)
        _check_index(project, snapshot, f"{folder}{path}", proved)
    known = {one.value for one in named.values()}
    for path, digest in sorted(here.items()):
        if path not in named and path not in ("InRelease", "Release", "Release.gpg") and digest.sha256 not in known:
            raise TrustError(f"{folder}{path}: does not belong to a suite", HINT)


def _check_index(project: Project, snapshot: Snapshot, path: str, proved: Set[Digest]) -> None:
    known: Dict[str, Dict[str, Fields]] = {}
    for fields in _entries(project, snapshot.tree[path], path):
        place = "apt/" + fields.get("filename", "")
        digest = Digest(fields.get("sha256", ""), _size(fields, path))
        if digest not in proved or snapshot.tree.get(place) != digest:
            raise TrustError(f"{path}: offers {place[:200]}, which no upstream has on the site", HINT)
        if _bare(_original(project, snapshot, place, known)) != _bare(fields):
            raise TrustError(f"{path}: describes {place[:200]} differently from the repository it is taken from", HINT)


def _size(fields: Fields, path: str) -> int:
    text = fields.get("size", "")
    if not _SIZE.fullmatch(text):
        raise TrustError(f"{path}: a package without usable size ({text[:40]!r})", HINT)
    return int(text)


def _original(project: Project, snapshot: Snapshot, place: str, known: Dict[str, Dict[str, Fields]]) -> Fields:
    """Return what the repository in which a package lies says of it."""
    inside = place.split("/")
    for depth in range(len(inside) - 1, 1, -1):
        folder = "/".join(inside[:depth])
        index = f"{folder}/Packages"
        if index in snapshot.tree:
            if index not in known:
                every = _entries(project, snapshot.tree[index], index)
                known[index] = {one.get("filename", ""): one for one in every}
            return known[index].get("/".join(inside[depth:]), {})
    return {}


def _entries(project: Project, digest: Digest, what: str) -> List[Fields]:
    return list(entries(checked(project.store.chunks(digest), digest, what), what))


def _bare(fields: Fields) -> Fields:
    return {name: text for name, text in fields.items() if name not in _OWN}
