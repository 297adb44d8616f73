"""``cudepot snapshots``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text

if TYPE_CHECKING:
    from cudepot.workflows.snapshots import Listed

NAME = "snapshots"
HELP = "list the snapshots in the store, and which is shown"
DESCRIPTION = """\
List every snapshot in the store with its date, contents and signer; `*` marks the one the site shows. It also shows
which channels show it and its tags. Exits with 5 if a signature cannot be verified.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options: it has none."""


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.snapshots import list_snapshots

    with opened(args, exclusive=False) as depot:
        found = list_snapshots(depot.config, depot.store, depot.history, depot.site(), depot.progress)
    lines = [_line(one) for one in found] or ["no snapshot yet: run cudepot publish"]
    return [asdict(one) for one in found], lines, 5 if any(one.fault for one in found) else 0


def _line(one: Listed) -> str:
    mark = "*" if one.shown else " "
    if one.fault:
        return f"{mark} {one.number:6}  FAULT {one.fault}"
    held = ", ".join(f"{count} {name}" for name, count in one.packages.items()) or "no packages"
    again = f", snapshot {one.rollback} again" if one.rollback else ""
    again += f" for {one.channel}" if one.channel else ""
    again += "".join(f", {name}" for name in one.names if name != "shown")
    missing = f", {one.missing} files not in the store" if one.missing else ""
    return (
        f"{mark} {one.number:6}  {one.created}  {held}, {size_text(one.bytes)}, by {one.signer[-16:]}{again}{missing}"
    )
