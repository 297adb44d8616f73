"""``cudepot gc``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text
from cudepot.cli.wait_options import add_store_wait

NAME = "gc"
HELP = "remove objects that no snapshot, lock or bundle needs"
DESCRIPTION = """\
Keep the newest snapshots, those that `[keep]` keeps for their age, and those that are tagged, shown (in any channel)
or that bundles start from, with every object they, cudepot.lock and its builds need; remove all other objects.
Removing more than 40 % of the store takes --force. --dry-run says why each snapshot is kept.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    add_store_wait(parser)
    parser.add_argument("--keep", type=_count, metavar="N", help="snapshots kept (default: `keep` of [site])")
    parser.add_argument("--force", action="store_true", help="even if more than 40 %% of the store would be removed")
    parser.add_argument("--recipes", metavar="DIR", help="use the recipes in this folder instead of cudepot's own")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be removed; remove nothing")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.gc import gc

    with opened(args, exclusive=not args.dry_run) as depot:
        done = gc(depot, keep=args.keep or depot.config.site.keep, dry_run=args.dry_run, force=args.force)
    did = "would remove" if args.dry_run else "removed"
    kept, gone = (", ".join(map(str, one)) or "none" for one in (done.kept, done.removed))
    size = f"{size_text(done.bytes)} of {size_text(done.of_bytes)}"
    lines = [f"snapshots kept: {kept}; {did}: {gone}", f"{did}: {done.objects} of {done.of_objects} objects, {size}"]
    if args.dry_run:
        lines[:0] = [f"snapshot {number} is kept: {', '.join(why)}" for number, why in done.why.items()]
    if done.waiting:
        lines.append(f"{done.waiting} more go when nothing has named them for the grace period (`grace-hours`)")
    return asdict(done), lines, 0
