"""``cudepot rollback``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.diff import change_lines, changes_json
from cudepot.cli.output import Answer
from cudepot.cli.promote import add_said, answer_of, who
from cudepot.cli.wait_options import add_store_wait
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.depot.depot import Depot

NAME = "rollback"
HELP = "show the packages of an older snapshot again"
DESCRIPTION = """\
Show the packages of snapshot N again. On the site that signs, this makes a new snapshot with a higher number:
packages and indexes are those of N, and the apt roots are signed again, because apt ignores a Release older than the
one it has. A rollback holds: `publish` shows nothing else, not even in a scheduled job, until `cudepot publish
--release-rollback`. With --lock, cudepot.lock is restored too.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    add_store_wait(parser)
    parser.add_argument("number", type=int, metavar="N", help="number of the older snapshot")
    parser.add_argument("--lock", action="store_true", help="restore cudepot.lock as it was for that snapshot")
    text = "a channel of the site, which showed N before (default: the one that is published to)"
    parser.add_argument("--channel", default="", metavar="NAME", help=text)
    add_said(parser)
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would change; publish nothing")


def _channel(args: argparse.Namespace, depot: Depot) -> Answer:
    from cudepot.workflows.publish.promote import Said, promote

    if args.lock:
        raise ConfigError("--lock is for the channel that is published to", hint="leave --lock or --channel out")
    done = promote(
        depot, "", args.channel, said=Said(who(args), args.message), number=args.number, dry_run=args.dry_run
    )
    return answer_of(done, dry=args.dry_run)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.publish.hold import RELEASE
    from cudepot.workflows.publish.rollback import rollback

    with opened(args) as depot:
        if args.channel and args.channel not in depot.config.site.channels[:1]:
            return _channel(args, depot)
        done = rollback(depot, args.number, dry_run=args.dry_run, lock=args.lock)
    did = "would show" if args.dry_run else "now shown"
    lines = [*change_lines(done.changes), f"{did}: snapshot {done.number}, which is {done.shows} again, at {done.site}"]
    if not args.dry_run:
        lines.append(f"it stays until `{RELEASE}`" + ("" if done.lock else "; cudepot.lock was not changed"))
    answer = {"number": done.number, "shows": done.shows, "lock": done.lock, "site": done.site}
    return answer | {"changes": changes_json(done.changes)}, lines, 0
