"""What a run of all verbs did, as values and as the document ``cudepot-run 1``: see ``docs/formats.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

FORMAT = "cudepot-run 1"
WORST = (1, 5, 10, 7, 3, 11, 6, 4, 8, 9, 14)
"""Exit statuses, the worst first: ours, forged, hostile, disk, settings, builds, pins, network, licence, busy, look."""


class Met(NamedTuple):
    """A trouble that a step met.

    Attributes:
        name: of an upstream, an environment, a build; empty where it is the whole step's.
        code: of the error, as ``E200``.
        error: what is wrong.
        hint: what to do about it; may be empty.
        exit: the exit status of the error.
    """

    name: str
    code: str
    error: str
    hint: str
    exit: int

    def line(self) -> str:
        """Return it in one line, with the name before it."""
        return self.error if not self.name or self.error.startswith(self.name) else f"{self.name}: {self.error}"


class Step(NamedTuple):
    """One verb of a run.

    Attributes:
        name: the verb.
        seconds: how long it took.
        done: what it did; each verb has keys of its own.
        notes: what is odd, a line each; also what only follows from an earlier step's trouble.
        met: what went wrong.
        left_out: why it was not run; empty where it was.
    """

    name: str
    seconds: float = 0.0
    done: Mapping[str, Any] = {}
    notes: tuple[str, ...] = ()
    met: tuple[Met, ...] = ()
    left_out: str = ""

    @property
    def exit(self) -> int:
        """The worst exit status of what it met."""
        return worst(one.exit for one in self.met)


class Report(NamedTuple):
    """A whole run.

    Attributes:
        began, ended: UTC (``2026-11-29T03:17:00Z``).
        seconds: how long it took.
        exit: exit status of the run.
        dry: whether it only said what it would do.
        steps: the verbs, in order.
        shown: number of the snapshot the site shows now; None for none.
        hold: the rollback that is in force, as JSON has it; None for none.
        good: upstream → when it was locked and fetched without a fault last (UTC).
        alarms: what `status --check` says now, a line each.
        hooks: what became of each hook that was called, as JSON has it.
    """

    began: str
    ended: str
    seconds: float
    exit: int
    dry: bool
    steps: tuple[Step, ...]
    shown: int | None
    hold: Mapping[str, Any] | None
    good: Mapping[str, str]
    alarms: tuple[str, ...] = ()
    hooks: tuple[Mapping[str, Any], ...] = ()

    def step(self, name: str) -> Step | None:
        """Return what a verb did in this run; None where it was not part of it."""
        return next((one for one in self.steps if one.name == name), None)


def worst(codes: Iterable[int]) -> int:
    """Return the worst of exit statuses; 0 for none. One that is not known is as bad as a fault of ours."""
    left = {code for code in codes if code}
    strange = left - set(WORST)
    return min(strange) if strange else next((code for code in WORST if code in left), 0)


def render_report(report: Report) -> dict[str, Any]:
    """Return the document."""
    found = report._asdict() | {"steps": [_rendered(one) for one in report.steps], "good": dict(report.good)}
    hooks = [dict(one) for one in report.hooks]
    return {"format": FORMAT, **found, "alarms": list(report.alarms), "hooks": hooks}


def _rendered(step: Step) -> dict[str, Any]:
    met = [one._asdict() for one in step.met]
    return step._asdict() | {"exit": step.exit, "done": dict(step.done), "notes": list(step.notes), "met": met}


def parse_report(document: Mapping[str, Any]) -> Report | None:
    """Return the run that a document tells of; None where it is none that can be read."""
    if document.get("format") != FORMAT:
        return None
    try:
        steps = tuple(_parsed(one) for one in document["steps"])
        told = {name: tuple(document[name]) for name in ("alarms", "hooks")}
        known = {name: document[name] for name in Report._fields if name not in told}
        return Report(**known | told | {"steps": steps, "good": dict(document["good"])})
    except (KeyError, TypeError, ValueError):
        return None


def _parsed(one: Mapping[str, Any]) -> Step:
    met: Sequence[Mapping[str, Any]] = one["met"]
    found = tuple(Met(*(each[name] for name in Met._fields)) for each in met)
    return Step(one["name"], one["seconds"], one["done"], tuple(one["notes"]), found, one["left_out"])
