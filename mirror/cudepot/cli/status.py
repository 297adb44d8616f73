"""``cudepot status``."""

from __future__ import annotations

import argparse
import datetime
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.output import NEEDED, Answer, fault_line
from cudepot.cli.progress import size_text
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.depot.depot import Depot
    from cudepot.workflows.facts import Facts
    from cudepot.workflows.status import Status, UpstreamStatus

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,7})([smhd])")

NAME = "status"
HELP = "show project status and the next step"
DESCRIPTION = """\
Show what is locked, missing and built, what the site shows, and which verb is next. With --check, for monitors, exit
with status 14 while an upstream has a fault, a verb has to be run or something has to be published, an upstream is
held back, or a root is older than its `max-age`; with --max-age also if `cudepot run` has not been run, or an
upstream has not been good, for that long.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("--check", action="store_true", help="exit with status 14 if something needs attention")
    parser.add_argument(
        "--max-age",
        type=_duration,
        metavar="AGE",
        help="with --check: how old the last run may be, and the last good state of each upstream: 90m, 36h, 2d",
    )
    add_metrics(parser)
    parser.add_argument("--recipes", metavar="DIR", help="use the recipes in this folder instead of cudepot's own")


def add_metrics(parser: argparse.ArgumentParser) -> None:
    """Declare where metrics are written."""
    parser.add_argument(
        "--metrics",
        type=Path,
        metavar="FILE",
        help="write metrics there for Prometheus' textfile collector, by one rename: …/cudepot.prom",
    )


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.catalog.run_report import render_report
    from cudepot.workflows.status import alarms, late, status

    if args.max_age is not None and not args.check:
        raise ConfigError("--max-age only goes with --check", hint="cudepot status --check --max-age 36h")
    if args.metrics:
        from cudepot.workflows.metrics import check_library, write_metrics

        check_library()
    with opened(args, exclusive=False) as depot:
        known = _facts(depot) if args.metrics or args.json else None
        result = known.status if known else status(depot)
        wrong = (*alarms(result), *(late(result, depot.clock(), args.max_age) if args.max_age is not None else ()))
    answer = asdict(replace(result, hold=None, last_run=None, heard=None)) | {
        "faults": [one.as_json() for one in result.faults]
    }
    answer["environments"] = [one._asdict() for one in result.environments]
    heard = result.heard
    answer["heard"] = {"url": heard.url, "signed": heard.signed, "until": heard.until} if heard else None
    answer |= {"hold": result.hold.as_json() if result.hold else None, "alarms": list(wrong)}
    answer["last_run"] = render_report(result.last_run) if result.last_run else None
    if known:
        answer |= known.as_json()
    if known and args.metrics:
        write_metrics(known, args.metrics)
    lines = list(_lines(result))
    if args.check:
        lines += [f"check: {one}" for one in wrong] or ["check: all good"]
    return answer, lines, NEEDED if args.check and wrong else 0


def _facts(depot: Depot) -> Facts:
    from cudepot.workflows.facts import facts

    return facts(depot)


def _duration(text: str) -> datetime.timedelta:
    found = _DURATION.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no age as 90m, 36h or 2d")
    return datetime.timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def _lines(result: Status) -> list[str]:
    lines = [f"lock: {result.lock}"]
    for one in result.upstreams:
        signed = f", signed by {', '.join(one.signers)}" if one.signers else ""
        dated = f", root of {one.date}" if one.date else ""
        lines.append(f"  {one.name} ({one.type}): {one.artifacts} artifacts, {one.missing} missing{dated}{signed}")
        lines += [f"    {text}" for text in (one.old, one.unsigned, _good(result, one)) if text]
    for each in result.environments:
        size, missing = size_text(each.bytes), f"{each.missing} missing"
        lines.append(f"  environment {each.name}: {each.files} files, {size}, {missing}, for {', '.join(each.targets)}")
    for fault in result.faults:
        lines.append(fault_line(fault))
    lines += result.unsolvable
    if result.lock == "ok":
        lines.append(f"store: {size_text(result.missing_bytes)} to fetch")
        lines.append(f"repackaged: {result.builds_done} of {result.builds}")
    shown = "nothing" if result.shown is None else f"snapshot {result.shown}"
    lines.append(f"site: shows {shown}; {len(result.snapshots)} snapshots in the store")
    for name, number in result.channels.items():
        lines.append(f"  {name}: {'nothing yet' if number is None else f'snapshot {number}'}")
    if last := result.last_run:
        lines.append(f"last run: {last.ended}, exit {last.exit}, {last.seconds:.1f} s")
    lines += [*result.notes, *([result.hold.line()] if result.hold else [])]
    return [*lines, f"next: cudepot {result.next}"] if result.next else lines


def _good(result: Status, one: UpstreamStatus) -> str:
    """Return when an upstream was good last, where that was not in the last run."""
    last = result.last_run
    if last is None or one.good >= last.began:
        return ""
    return f"last good at {one.good}" if one.good else "was good in no run yet"
