"""``cudepot kit``."""

from __future__ import annotations

import argparse
import importlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.common import add_common
from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text
from cudepot.cli.room import room_json, room_lines
from cudepot.cli.steps import telling
from cudepot.cli.wait_options import add_store_wait

if TYPE_CHECKING:
    from cudepot.depot.depot import Depot
    from cudepot.workflows.kit.write import KitResult

NAME = "kit"
HELP = "package cudepot itself for machines without access to an index"
DESCRIPTION = """\
cudepot mirrors itself: an environment of wheels with its requirements is locked like any other, for each Python and
platform of the machines that need it. `kit write` turns it into a folder: wheels with hashed requirements for pip,
and a deb for each target, with manual pages and completion, signed with the site's key; with --dry-run it only says
what it would write. See `cudepot explain airgap`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    needs = actions.add_parser("requirements", help="print what cudepot needs, for `requirements` of an environment")
    write = actions.add_parser("write", help="write wheels, requirements and debs")
    write.add_argument("output", type=Path, metavar="FOLDER", help="output folder")
    write.add_argument("--environment", default="cudepot", metavar="NAME", help="the environment (default: cudepot)")
    write.add_argument("--no-debs", action="store_true", help="make no debs")
    write.add_argument("-n", "--dry-run", action="store_true", help="show what would be written; write nothing")
    add_store_wait(write)
    for one in (needs, write):
        add_common(one, default=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> Answer:
    """Run the action."""
    from cudepot.workflows.kit.own_wheel import own_wheel

    if args.action == "requirements":
        found = list(own_wheel().requires)
        return found, found, 0
    with telling("cudepot kit: putting cudepot's own wheel together", quiet=args.quiet), opened(args) as depot:
        done = _written(args, depot)
    did = "would write" if args.dry_run else "wrote"
    lines = [f"{did} {done.folder}: {len(done.files)} files, {size_text(done.bytes)}"]
    lines += [f"  {one}" for one in done.files if "/" not in one]
    return asdict(done) | {"room": room_json(done.room)}, [*lines, *room_lines(done.room)], 0


def _written(args: argparse.Namespace, depot: Depot) -> KitResult:
    from cudepot.workflows.kit.own_wheel import own_wheel
    from cudepot.workflows.kit.write import write_kit

    shared = importlib.import_module("cudepot.cli.shared_files").shared_files()  # by name: it loads all verbs
    options = {"debs": not args.no_debs, "dry_run": args.dry_run}
    return write_kit(depot, args.output.resolve(), args.environment, own_wheel(shared), **options)
