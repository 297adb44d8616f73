"""What is wrong with what is here, what is missing, and what this file cannot tell of it."""

from typing import Any, Dict, List, Sequence

from cudepot_far.errors import FarError
from cudepot_far.finish import lacking, links
from cudepot_far.folder import Site
from cudepot_far.manifest import Snapshot
from cudepot_far.project import Project
from cudepot_far.take_in import waiting_manifests
from cudepot_far.vouch import NVIDIAS


def unchecked(snapshots: Sequence[Snapshot]) -> List[str]:
    """Return what cudepot checks of such snapshots when it imports them, and this file does not."""
    paths = {path for one in snapshots for path in one.tree}
    tops = {path.partition("/")[0] + "/" for path in paths}
    found = [
        "that packages which only went into others are those their upstreams signed: the lock is not read",
        "which licences the near side accepted: they are in its cudepot.lock",
    ]
    if "environments/" in tops:
        found.append("that environments install from the site alone as locked: there is no resolver here")
    if any(path.startswith("apt/dists/") for path in paths):
        found.append("which packages the suites below apt/dists call required: the lock says what a bare machine needs")
    if tops & {"conda/", "simple/", "wheels/"}:
        found.append("what indexes of wheels and conda packages say: they rest on the site's signature")
    if tops & set(NVIDIAS):
        found.append("what the site made below NVIDIA's paths: keys, .repo, .list and .pin files, cuda-keyring")
    return found


def rehash(project: Project) -> List[str]:
    """Return what is wrong with the store and the site: signatures, hashes of all objects, files of the site."""
    faults: List[str] = []
    store, site = project.store, Site(project.site, project.store, project.channels)
    for number in store.numbers():
        try:
            snapshot = project.snapshot(number)
        except FarError as error:
            faults.append(str(error))
            continue
        bad = {one for one in set(snapshot.tree.values()) | {snapshot.lock} if not store.holds(one)}
        faults += [
            f"snapshot {number}: {path}: not in the store, or damaged"
            for path, one in sorted(snapshot.tree.items())
            if one in bad
        ]
        faults += [f"snapshot {number}: its lock is not in the store, or damaged"] if snapshot.lock in bad else []
        if number in site.shown():
            faults += site.faults(number, snapshot.tree)
    return faults


def missing(project: Project) -> Dict[str, Any]:
    """Return the want-list to carry to the near side: what is missing here of snapshots and of bundles that wait."""
    store, here, lost = project.store, links(project.store), set()
    for number in here:
        snapshot = project.snapshot(number)
        lost |= {one for one in set(snapshot.tree.values()) | {snapshot.lock} if not store.has(one)}
    pending = list(waiting_manifests(store)[0].values())
    for one in pending:
        lost |= set(lacking(store, one))
    pieces = {part for one in pending for _, parts in one.pieces for part in parts}
    whole = {whole for one in pending for whole, parts in one.pieces if lost & set(parts)}
    heads = sorted({one.link for one in pending})
    return {
        "format": "cudepot-want 1",
        "site": project.key,
        "snapshots": [one._asdict() for one in here.values()],
        "pending": [one._asdict() for one in heads],
        "objects": [one._asdict() for one in sorted(lost - pieces | whole)],
    }
