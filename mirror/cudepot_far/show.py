"""``publish``, ``rollback`` and ``status``: which snapshot the site shows, and what this file cannot tell of it."""

import json
import time
from typing import Any, Dict, List, NamedTuple, Optional

from cudepot_far.disk import remove, storage_errors, write_atomic
from cudepot_far.errors import ConfigError, FarError
from cudepot_far.finish import lacking, links
from cudepot_far.folder import Site
from cudepot_far.manifest import Snapshot
from cudepot_far.project import Project
from cudepot_far.sealed import sealed, unsealed
from cudepot_far.store import Store
from cudepot_far.take_in import Waiting, waiting, waiting_manifests
from cudepot_far.vouch import NVIDIAS


class Hold(NamedTuple):
    """A rollback that holds: the older snapshot that is shown, and since when."""

    number: int
    since: str


def newest(store: Store) -> int:
    """Return the number of the newest snapshot; raise ConfigError when none has been imported."""
    numbers = store.numbers()
    if not numbers:
        raise ConfigError("no bundle has been imported yet", "run `import FILE...` first")
    return numbers[-1]


def hold(store: Store) -> Optional[Hold]:
    """Return the rollback that holds; None where the newest snapshot is to be shown."""
    try:
        with open(store.at("rollback.json"), "rb") as handle:
            found = unsealed(handle.read(), "rollback.json")
        chosen = Hold(int(found["shows"]), str(found.get("since", "")))
        instead = int(found["instead-of"])
    except (OSError, FarError, KeyError, ValueError, TypeError):
        return None
    holds = bool(chosen.since) or [instead] == store.numbers()[-1:]  # one of an older cudepot ended with a new bundle
    return chosen if holds and chosen.number in store.numbers() else None


def publish(project: Project, release: bool = False) -> Dict[str, Any]:
    """Show the newest snapshot, or the one a rollback chose, and return what was done.

    Args:
        project: the project.
        release: end a rollback.

    Raises:
        ConfigError: nothing was imported yet, or the site is marked public.
    """
    last = newest(project.store)
    if release:
        _forget(project.store)
    held = hold(project.store)
    number = held.number if held else last
    snapshot, fresh = project.snapshot(number), Site(project.site, project.store).current() != number
    _show(project, snapshot)
    return {
        "number": number,
        "fresh": fresh and held is None,
        "added": _withheld(project, last, snapshot) if held else [],
        "notes": [waiting_line(one) for one in waiting(project.store) if one.objects],
        "files": len(snapshot.tree),
        "bytes": sum(one.size for one in set(snapshot.tree.values())),
        "site": Site(project.site, project.store).where,
        "hold": _hold(held),
        "unchecked": unchecked(snapshot),
    }


def _withheld(project: Project, last: int, shown: Snapshot) -> List[str]:
    """Return the files of the newest snapshot that a rollback keeps from being shown."""
    return sorted(path for path in project.snapshot(last).tree if path not in shown.tree)


def waiting_line(one: Waiting) -> str:
    """Return what a bundle waits for, in one line."""
    volumes = ", ".join(map(str, one.volumes)) or "of the bundle before"
    return f"snapshot {one.number} waits for {one.objects} objects in volumes {volumes}"


def rollback(project: Project, number: int) -> Dict[str, Any]:
    """Show an older snapshot again, as it was signed, until `publish --release-rollback`."""
    last = newest(project.store)
    if number not in project.store.numbers():
        there = ", ".join(map(str, project.store.numbers()))
        raise ConfigError(f"snapshot {number} is not in the store", f"there: {there}")
    snapshot = project.snapshot(number)
    missing = [path for path, one in snapshot.tree.items() if not project.store.has(one)]
    if missing:
        raise ConfigError(
            f"snapshot {number} cannot be shown: {len(missing)} of its files are missing here, for example "
            f"{missing[0]}",
            "send the output of `missing` to the near side",
        )
    if number == last:
        _forget(project.store)
    else:
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        found = sealed({"shows": number, "instead-of": last, "since": since})
        write_atomic(project.store.at("rollback.json"), json.dumps(found, indent=1).encode() + b"\n")
    _show(project, snapshot)
    return {"number": number, "shows": number, "site": Site(project.site, project.store).where}


def _hold(held: Optional[Hold]) -> Optional[Dict[str, Any]]:
    return {"number": held.number, "shows": held.number, "since": held.since} if held else None


def _forget(store: Store) -> None:
    with storage_errors(store.root):
        remove(store.at("rollback.json"))


def _show(project: Project, snapshot: Snapshot) -> None:
    if project.public:
        raise ConfigError(
            "the site is marked public: nothing is published there",
            "NVIDIA's licence does not allow redistributing its packages to the public",
        )
    site = Site(project.site, project.store)
    document, signature = project.store.snapshot(snapshot.number)
    if site.current() == snapshot.number and site.document(snapshot.number) == document:
        return
    extra = {"snapshot.json": document, "snapshot.json.asc": signature}
    site.show(snapshot.number, snapshot.tree, extra, project.keep)


def status(project: Project) -> Dict[str, Any]:
    """Return what is here, what is shown, what waits, and what was not checked."""
    store = project.store
    numbers, shown, held = store.numbers(), Site(project.site, project.store).current(), hold(store)
    found: Dict[str, Any] = {
        "site-key": project.key,
        "snapshots": numbers,
        "shown": shown,
        "hold": _hold(held),
        "waiting": [one._asdict() for one in waiting(store)],
        "notes": [waiting_line(one) for one in waiting(store)],
        "missing": 0,
        "fault": "",
        "next": "",
        "unchecked": [],
    }
    if numbers:
        try:
            snapshot = project.snapshot(held.number if held else numbers[-1])
            found["missing"] = sum(not store.has(one) for one in set(snapshot.tree.values()) | {snapshot.lock})
            found["unchecked"] = unchecked(snapshot)
            found["next"] = "publish" if shown != snapshot.number else ""
        except FarError as error:
            found["fault"] = str(error)
    return found


def unchecked(snapshot: Snapshot) -> List[str]:
    """Return what cudepot checks of such a snapshot when it imports it, and this file does not."""
    tops = {path.partition("/")[0] + "/" for path in snapshot.tree}
    found = [
        "that packages which only went into others are those their upstreams signed: the lock is not read",
        "which licences the near side accepted: they are in its cudepot.lock",
    ]
    if "environments/" in tops:
        found.append("that environments install from the site alone as locked: there is no resolver here")
    if any(path.startswith("apt/dists/") for path in snapshot.tree):
        found.append("which packages the suites below apt/dists call required: the lock says what a bare machine needs")
    if tops & {"conda/", "simple/", "wheels/"}:
        found.append("what indexes of wheels and conda packages say: they rest on the site's signature")
    if tops & set(NVIDIAS):
        found.append("what the site made below NVIDIA's paths: keys, .repo, .list and .pin files, cuda-keyring")
    return found


def rehash(project: Project) -> List[str]:
    """Return what is wrong with the store and the site: signatures, hashes of all objects, files of the site."""
    faults: List[str] = []
    store, site = project.store, Site(project.site, project.store)
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
        if number == site.current():
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
