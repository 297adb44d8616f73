"""``cudepot diff``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cudepot.cli.context import opened
from cudepot.cli.output import Answer

if TYPE_CHECKING:
    from cudepot.catalog.snapshot_diff import Change

NAME = "diff"
HELP = "say which packages differ between two snapshots, and why"
DESCRIPTION = """\
Say which packages of apt, yum, conda and wheel came (+), went (-) or changed (~) from snapshot A to snapshot B, and
why: the pins changed (pin), another package needs it (closure), the upstream published it (upstream), or it was built
here (built).
"""
_MARKS = {"came": "+", "went": "-", "changed": "~"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("before", type=int, metavar="A", help="number of the older snapshot")
    parser.add_argument("after", type=int, metavar="B", help="number of the newer snapshot")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.snapshots import diff_snapshots

    with opened(args, exclusive=False) as depot:
        found = diff_snapshots(depot, args.before, args.after)
    lines = change_lines(found) or [f"the packages of snapshots {args.before} and {args.after} are the same"]
    return changes_json(found), lines, 0


def changes_json(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Return changes as JSON has them."""
    return [asdict(one) | {"kind": one.kind} for one in changes]


def change_lines(changes: Iterable[Change]) -> list[str]:
    """Return a line for each change."""
    return [_line(one) for one in changes]


def _line(one: Change) -> str:
    if one.kind != "changed":
        versions = one.after or one.before
    elif one.before == one.after:
        versions = f"{one.before}, other bytes"
    else:
        versions = f"{one.before} -> {one.after}"
    return f"{_MARKS[one.kind]} {one.ecosystem} {one.place}: {one.name} {versions} ({one.why})"
