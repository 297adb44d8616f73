"""``publish`` and ``rollback``: which snapshot each channel of the site shows, by one rename each."""

import contextlib
import time
from typing import Any, Dict, List, NamedTuple, Optional

from cudepot_far.disk import remove, storage_errors
from cudepot_far.errors import ConfigError, FarError
from cudepot_far.folder import Site
from cudepot_far.manifest import Snapshot
from cudepot_far.project import Project
from cudepot_far.report import unchecked
from cudepot_far.store import ROLLBACK, Store
from cudepot_far.take_in import Waiting, waiting
from cudepot_far.told import absent_lines, released, tags_of


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
    """Return the rollback that holds; None where what the near side shows is to be shown."""
    found: Dict[str, Any] = store.recall(ROLLBACK)
    with contextlib.suppress(KeyError, ValueError, TypeError):
        chosen, instead = Hold(int(found["shows"]), str(found.get("since", ""))), int(found["instead-of"])
        holds = bool(chosen.since) or [instead] == store.numbers()[-1:]  # one of an older cudepot ended with a bundle
        return chosen if holds and chosen.number in store.numbers() else None
    return None


def wanted(project: Project) -> Dict[str, int]:
    """Return which snapshot each channel is to show; of a site without channels, under an empty name.

    A rollback holds, whatever bundles bring. A channel that is left out stays as it is.
    """
    held, found = hold(project.store), released(project)
    return dict(found, **{_first(project): held.number}) if held else found


def _first(project: Project) -> str:
    return project.channels[0] if project.channels else ""


def publish(project: Project, release: bool = False) -> Dict[str, Any]:
    """Show what the near side shows, or what a rollback chose, and return what was done.

    Args:
        project: the project.
        release: end a rollback.

    Raises:
        ConfigError: nothing was imported yet, nothing that a channel shows has come, or the site is marked public.
    """
    last = newest(project.store)
    if release:
        _forget(project.store)
    want, late, held = wanted(project), absent_lines(project), hold(project.store)
    if not want:
        raise ConfigError(late[0], "import a bundle that brings it")
    first = next(one for one in project.channels or ("",) if one in want)
    snapshot, fresh = project.snapshot(want[first]), held is None and _site(project).current(first) != want[first]
    _show(project, first, snapshot)
    lines = _follow(project, {name: one for name, one in want.items() if name != first})
    free = project.snapshot(released(project).get(first, last)) if held else snapshot
    return {
        "number": snapshot.number,
        "fresh": fresh,
        "added": sorted(path for path in free.tree if path not in snapshot.tree),
        "notes": [waiting_line(one) for one in waiting(project.store) if one.objects] + lines + late,
        "files": len(snapshot.tree),
        "bytes": sum(one.size for one in set(snapshot.tree.values())),
        "site": _site(project).where,
        "hold": hold_json(held),
        "channel": first,
        "channels": shown(project),
        "unchecked": unchecked([project.snapshot(one) for one in sorted(set(want.values()))]),
    }


def _follow(project: Project, want: Dict[str, int]) -> List[str]:
    """Show in the other channels what they are to show, one after the other; return a line for each that moved."""
    lines = []
    for channel in (one for one in project.channels if one in want):
        moves = _site(project).current(channel) != want[channel]
        _show(project, channel, project.snapshot(want[channel]))
        lines += [f"{channel}: shows snapshot {want[channel]}, as on the near side"] if moves else []
    return lines


def shown(project: Project) -> Dict[str, Optional[int]]:
    """Return which snapshot each channel shows; nothing of a site without channels."""
    return {name: _site(project).current(name) for name in project.channels}


def _site(project: Project) -> Site:
    return Site(project.site, project.store, project.channels)


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
    if number == released(project).get(_first(project)):
        _forget(project.store)
    else:
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        project.store.keep(ROLLBACK, {"shows": number, "instead-of": last, "since": since})
    _show(project, _first(project), snapshot)
    return {"number": number, "shows": number, "site": _site(project).where, "channel": _first(project)}


def hold_json(held: Optional[Hold]) -> Optional[Dict[str, Any]]:
    """Return a rollback that holds as ``--json`` has it."""
    return {"number": held.number, "shows": held.number, "since": held.since} if held else None


def _forget(store: Store) -> None:
    with storage_errors(store.root):
        remove(store.at(ROLLBACK))


def _show(project: Project, channel: str, snapshot: Snapshot) -> None:
    if project.public:
        raise ConfigError(
            "the site is marked public: nothing is published there",
            "NVIDIA's licence does not allow redistributing its packages to the public",
        )
    site, number = _site(project), snapshot.number
    document, signature = project.store.snapshot(number)
    if site.current(channel) == number and site.document(number) == document:
        return
    extra = {"snapshot.json": document, "snapshot.json.asc": signature}
    site.show(channel, number, snapshot.tree, extra, project.keep)


def status(project: Project) -> Dict[str, Any]:
    """Return what is here, what is shown, what waits, and what was not checked."""
    store = project.store
    numbers, site, held = store.numbers(), _site(project), hold(store)
    found: Dict[str, Any] = {
        "site-key": project.key,
        "snapshots": numbers,
        "shown": site.current(),
        "channels": shown(project),
        "tags": tags_of(store),
        "hold": hold_json(held),
        "waiting": [one._asdict() for one in waiting(store)],
        "notes": [waiting_line(one) for one in waiting(store)],
        "missing": 0,
        "fault": "",
        "next": "",
        "unchecked": [],
    }
    if numbers:
        try:
            want = wanted(project)
            snapshots = [project.snapshot(one) for one in sorted(set(want.values()))]
            needed = {one for snapshot in snapshots for one in (snapshot.lock, *snapshot.tree.values())}
            found["missing"] = sum(not store.has(one) for one in needed)
            found["unchecked"] = unchecked(snapshots)
            found["next"] = "publish" if any(site.current(name) != one for name, one in want.items()) else ""
        except FarError as error:
            found["fault"] = str(error)
    return found
