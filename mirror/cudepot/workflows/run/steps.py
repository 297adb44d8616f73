"""The verbs of a run as steps: what each did and met, in the words of a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from cudepot.catalog.run_report import Met, Step
from cudepot.depot.depot import Depot
from cudepot.depot.isolated import Trouble, unforeseen
from cudepot.disk import storage_errors
from cudepot.errors import BusyError, ConfigError, CudepotError, EulaError, SignerError
from cudepot.masked import masked

_FOLLOWS = (ConfigError, EulaError)
"""What a step waits for in vain after an earlier one has failed: a file, a build, a licence."""


class Ran(NamedTuple):
    """What a verb gave: what it did, lines on what is odd, and what went wrong."""

    done: dict[str, Any]
    notes: Sequence[str] = ()
    troubles: Sequence[Trouble] = ()


def step(depot: Depot, name: str, work: Callable[[], Ran], *, after: bool) -> Step:
    """Run one verb; whatever it meets becomes part of the report, and the caller goes on with the next one.

    Args:
        depot: the depot.
        name: of the verb.
        work: does it.
        after: whether an earlier step met trouble: what only follows from that is a note.

    Raises:
        BusyError: another cudepot has the store.
    """
    depot.progress.step(f"{name}: at work")
    began = time.monotonic()
    try:
        with storage_errors(depot.store.root):
            ran = work()
    except BusyError:
        raise
    except CudepotError as error:
        ran = Ran({}, (), [Trouble("", error)])
    except Exception as error:  # noqa: BLE001 - a fault of ours in one verb must not keep the others from running
        ran = Ran({}, (), [Trouble("", unforeseen(name, error, depot.unforeseen(error)))])
    follows = [one for one in ran.troubles if after and _follows(one.error)]
    met = tuple(_met(one) for one in ran.troubles if one not in follows)
    notes = (*map(masked, ran.notes), *(_met(one).line() for one in follows))
    return Step(name, round(time.monotonic() - began, 3), ran.done, notes, met)


def _follows(error: CudepotError) -> bool:
    return isinstance(error, _FOLLOWS) and not isinstance(error, SignerError)


def _met(one: Trouble) -> Met:
    error = one.error
    return Met(one.name, error.code, masked(str(error)), masked(error.hint), error.exit_code)


def followed(depot: Depot, *, dry_run: bool) -> Ran:
    """Bring what the site shows that this one follows, and report it."""
    from cudepot.workflows.edge.follow import follow  # noqa: PLC0415 - each verb loads what it needs

    done = follow(depot, depot.config.site.follow, dry_run=dry_run)
    what: dict[str, Any] = {"number": done.number, "channels": dict(done.channels), "fresh": done.fresh}
    return Ran(what | {"objects": done.objects, "bytes": done.bytes}, done.notes)


def locked(depot: Depot, *, dry_run: bool, wait: float) -> Ran:
    """Lock, and report it."""
    from cudepot.workflows.lock.lock import make_lock  # noqa: PLC0415 - each verb loads what it needs

    result = make_lock(depot, dry_run=dry_run, wait=wait)
    names = {"added": result.added, "removed": result.removed, "changed": result.changed}
    done = {**{name: list(found) for name, found in names.items()}, "written": result.written}
    old = (f"{name}: {text}" for name, text in result.old)
    notes = (*old, *result.unsigned, *result.unsolvable, *result.notes)
    return Ran(done, notes, [Trouble(one.upstream, one.error) for one in result.failed])


def synced(depot: Depot, *, dry_run: bool, wait: float) -> Ran:
    """Sync, and report it."""
    from cudepot.workflows.sync import sync  # noqa: PLC0415

    result = sync(depot, dry_run=dry_run, wait=wait)
    done = {"files": result.files, "bytes": result.bytes}
    return Ran({**done, "fetched_files": result.fetched_files, "fetched_bytes": result.fetched_bytes}, result.notes)


def repackaged(depot: Depot, *, dry_run: bool) -> Ran:
    """Repackage, and report it."""
    from cudepot.workflows.build.repackage import repackage  # noqa: PLC0415

    result = repackage(depot, dry_run=dry_run, keep_last=True)
    done: dict[str, Any] = {"releases": len(result.jobs), "built": result.run, "packages": len(result.built)}
    held = [f"{one}: its packages stay as they were published last" for one in result.held]
    left = [f"{one}: left out: locked artifacts are missing" for one in result.left]
    return Ran(done, (*held, *left, *result.notes), result.failed)


def published(depot: Depot, *, dry_run: bool) -> Ran:
    """Publish, and report it."""
    from cudepot.workflows.publish.publish import publish  # noqa: PLC0415

    result = publish(depot, dry_run=dry_run, keep_last=True)
    done: dict[str, Any] = {
        "snapshot": result.number,
        "fresh": result.fresh,
        "files": result.files,
        "bytes": result.bytes,
    }
    done |= {"added": len(result.added), "removed": len(result.removed), "held": [one.name for one in result.held]}
    told = (*result.notes, *result.unsigned, *result.unsolvable, *result.foreign)
    waiting = (one for one in result.held if one.kept and _follows(one.error))
    notes = (f"{one.name}: {one.error}, so it stays as it was published last" for one in waiting)
    return Ran(done, (*told, *notes), list(_faulty(result.held)))


def _faulty(held: Sequence[Any]) -> Iterator[Trouble]:
    for one in held:
        if not (one.kept and _follows(one.error)):
            yield Trouble(one.name, one.error)
