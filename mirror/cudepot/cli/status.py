"""``cudepot status``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.output import Answer, fault_line
from cudepot.cli.progress import size_text

if TYPE_CHECKING:
    from cudepot.workflows.status import Status

NAME = "status"
HELP = "show how far the project is"
DESCRIPTION = "Show what is locked, what is missing, what is built, what the site shows, and which verb is next."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("--recipes", metavar="DIR", help="folder of recipes instead of cudepot's own")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.status import status

    with opened(args, exclusive=False) as depot:
        result = status(depot)
    answer = asdict(result) | {"faults": [one.as_json() for one in result.faults]}
    return answer, list(_lines(result)), 0


def _lines(result: Status) -> list[str]:
    lines = [f"lock: {result.lock}"]
    for one in result.upstreams:
        signed = f", signed by {', '.join(one.signers)}" if one.signers else ""
        dated = f", root of {one.date}" if one.date else ""
        lines.append(f"  {one.name} ({one.type}): {one.artifacts} artifacts, {one.missing} missing{dated}{signed}")
        lines += [f"    {text}" for text in (one.old, one.unsigned) if text]
    for fault in result.faults:
        lines.append(fault_line(fault))
    lines += result.unsolvable
    if result.lock == "ok":
        lines.append(f"store: {size_text(result.missing_bytes)} to fetch")
        lines.append(f"repackaged: {result.builds_done} of {result.builds}")
    shown = "nothing" if result.shown is None else f"snapshot {result.shown}"
    lines.append(f"site: shows {shown}; {len(result.snapshots)} snapshots in the store")
    return [*lines, f"next: cudepot {result.next}"] if result.next else lines
