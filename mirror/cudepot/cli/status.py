"""``cudepot status``."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.output import NEEDED, Answer, fault_line
from cudepot.cli.progress import size_text

if TYPE_CHECKING:
    from cudepot.workflows.status import Status

NAME = "status"
HELP = "show the state of the project and which verb is next"
DESCRIPTION = """\
Show what is locked, what is missing, what is built, what the site shows, and which verb is next. With --check, for
scheduled jobs, exit with status 14 while an upstream has a fault, something is still to be run or to be published, an
upstream is held back, or a root is older than its `max-age`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("--check", action="store_true", help="exit with status 14 when somebody has to look")
    parser.add_argument("--recipes", metavar="DIR", help="folder of recipes instead of cudepot's own")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.status import alarms, status

    with opened(args, exclusive=False) as depot:
        result = status(depot)
    answer = asdict(replace(result, hold=None)) | {"faults": [one.as_json() for one in result.faults]}
    answer["environments"] = [one._asdict() for one in result.environments]
    answer |= {"hold": result.hold.as_json() if result.hold else None, "alarms": list(alarms(result))}
    lines = list(_lines(result))
    if args.check:
        lines += [f"check: {one}" for one in alarms(result)] or ["check: nothing to look at"]
    return answer, lines, NEEDED if args.check and alarms(result) else 0


def _lines(result: Status) -> list[str]:
    lines = [f"lock: {result.lock}"]
    for one in result.upstreams:
        signed = f", signed by {', '.join(one.signers)}" if one.signers else ""
        dated = f", root of {one.date}" if one.date else ""
        lines.append(f"  {one.name} ({one.type}): {one.artifacts} artifacts, {one.missing} missing{dated}{signed}")
        lines += [f"    {text}" for text in (one.old, one.unsigned) if text]
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
    lines += [*result.notes, *([result.hold.told()] if result.hold else [])]
    return [*lines, f"next: cudepot {result.next}"] if result.next else lines
