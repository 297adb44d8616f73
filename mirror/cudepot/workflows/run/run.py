"""All verbs of a night in their order, each as far as it can: what fails stops nothing that does not need it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cudepot.catalog.run_report import Report, Step, worst
from cudepot.depot.clock import timestamp
from cudepot.depot.depot import Depot
from cudepot.depot.fault_memory import standing_faults
from cudepot.depot.isolated import unforeseen
from cudepot.depot.last_run import keep_run, last_run
from cudepot.errors import CudepotError, StorageError
from cudepot.masked import masked
from cudepot.workflows.publish.hold import hold_of
from cudepot.workflows.run.steps import Ran, followed, locked, published, repackaged, step, synced
from cudepot.workflows.status import alarms, status

if TYPE_CHECKING:
    from cudepot.depot.hooks import Observed

_TO_LOOK_AT = 14
_OWN = (1, 3, 7, 9)
"""Exit statuses of what hits all upstreams, though it is not their fault."""


class Asked(NamedTuple):
    """How to run: whether only to say what would be done, and seconds to go on trying where a fault may pass."""

    dry_run: bool = False
    wait: float = 0.0


def run(depot: Depot, asked: Asked) -> Report:
    """Run all verbs, and keep what became of it in the store; a dry run keeps nothing.

    Raises:
        BusyError: another cudepot took the store.
    """
    began, start = timestamp(depot.clock), time.monotonic()
    before, seen = last_run(depot.store), _seen(depot)
    steps: list[Step] = []
    for one in _steps(depot, asked, steps):
        depot.progress.say(f"{one.name}: {one.left_out or f'exit {one.exit}, {one.seconds:.1f} s'}")
        steps.append(one)
    report = Report(
        began, timestamp(depot.clock), round(time.monotonic() - start, 3), worst(one.exit for one in steps),
        asked.dry_run, tuple(steps), None, None, _good(depot, steps, before.good if before else {}),
    )  # fmt: skip
    report = _looked_at(depot, report)
    if asked.dry_run:
        return report
    return _kept(depot, report._replace(hooks=_called(depot, seen) if seen else ()))


def _looked_at(depot: Depot, report: Report) -> Report:
    """Return a report with how the project stands now; where that cannot be read, the report says so."""
    try:
        found, hold = status(depot), hold_of(depot.config, depot.store)
    except CudepotError as error:
        return _unread(report, error)
    except Exception as error:  # noqa: BLE001 - what the verbs did is reported, whatever is met here
        return _unread(report, unforeseen("the project's status", error, depot.unforeseen(error)))
    report = report._replace(shown=found.shown, hold=hold.as_json() if hold else None)
    lines = () if report.dry else alarms(replace(found, last_run=report))
    return report._replace(alarms=lines, exit=report.exit or (_TO_LOOK_AT if lines else 0))


def _unread(report: Report, error: CudepotError) -> Report:
    line = f"the project's status cannot be read: {masked(str(error))}"
    return report._replace(alarms=(line,), exit=worst((report.exit, error.exit_code)))


def _seen(depot: Depot) -> Observed | None:
    """Return what hooks are told the changes of; None where there are no hooks."""
    if not depot.config.hooks:
        return None
    from cudepot.depot.hooks import observed  # noqa: PLC0415 - few have any

    return observed(depot)


def _called(depot: Depot, before: Observed) -> tuple[Mapping[str, str], ...]:
    from cudepot.depot.hooks import fire, happened, observed  # noqa: PLC0415

    depot.progress.step("calling hooks")
    return tuple(one._asdict() for one in fire(depot, list(happened(before, observed(depot)))))


def _kept(depot: Depot, report: Report) -> Report:
    """Keep a run; where the disk refuses, that is part of what is told of it."""
    try:
        keep_run(depot.store, report)
    except (StorageError, OSError) as error:
        code = worst((report.exit, StorageError.exit_code))
        return report._replace(alarms=(*report.alarms, f"this run could not be noted: {error}"), exit=code)
    return report


def _steps(depot: Depot, asked: Asked, done: list[Step]) -> Iterator[Step]:
    """Give each step once it has been run; ``done`` has those before."""
    follow = {"edge": partial(followed, depot, dry_run=asked.dry_run)} if depot.config.site.follow else {}
    works: dict[str, Callable[[], Ran]] = {
        **follow,
        "lock": partial(locked, depot, dry_run=asked.dry_run, wait=asked.wait),
        "sync": partial(synced, depot, dry_run=asked.dry_run, wait=asked.wait),
        "repackage": partial(repackaged, depot, dry_run=asked.dry_run),
        "publish": partial(published, depot, dry_run=asked.dry_run),
    }
    for name, work in works.items():
        reason = _reason(depot, asked, name, done)
        yield Step(name, left_out=reason) if reason else step(depot, name, work, after=any(one.met for one in done))


def _reason(depot: Depot, asked: Asked, name: str, done: list[Step]) -> str:
    """Return why a step is left out; empty where it is run."""
    if depot.config.site.origin:
        return "" if name in ("edge", "publish") else "not here: this site shows what another one signed"
    if not asked.dry_run or name == "lock":
        return ""
    if any(done[0].done.get(each) for each in ("added", "removed", "changed")):
        return "a dry run stops here: the lock would change"
    return "a dry run stops here: files are to be fetched" if name != "sync" and _is_to_fetch(done) else ""


def _is_to_fetch(done: list[Step]) -> bool:
    return any(one.done.get("fetched_files") for one in done)


def _good(depot: Depot, steps: list[Step], before: Mapping[str, str]) -> dict[str, str]:
    """Return when each upstream was locked and fetched without a fault last: now, where this run met none of it."""
    brought = [one for one in steps if one.name in ("lock", "sync")]
    hit = any(each.exit in _OWN for one in brought for each in one.met if not each.name)
    now = timestamp(depot.clock)
    good = {one.name: now for one in depot.config.upstreams if not hit and not _is_faulty(depot, one.name)}
    names = {one.name for one in depot.config.upstreams}
    return {name: when for name, when in before.items() if name in names} | (good if brought else {})


def _is_faulty(depot: Depot, name: str) -> bool:
    return any(one.verb in ("lock", "sync") for one in standing_faults(depot.store, name))
