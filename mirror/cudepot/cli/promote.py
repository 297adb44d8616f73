"""``cudepot promote``."""

from __future__ import annotations

import argparse
import getpass
import socket
from typing import TYPE_CHECKING, Any

from cudepot.cli.context import opened
from cudepot.cli.diff import change_lines, changes_json
from cudepot.cli.output import Answer
from cudepot.cli.wait_options import add_store_wait

if TYPE_CHECKING:
    from cudepot.workflows.publish.promote import PromoteResult

NAME = "promote"
HELP = "make a channel of the site show what another one shows"
DESCRIPTION = """\
Make channel TO show the snapshot that channel FROM shows, or one it showed before: all ecosystems at once, by one
switch, with a signed record of who did it, when, and which packages changed. Nothing is copied or built. Where clients
of TO have seen newer apt or yum roots, the same packages are shown with roots signed again, because apt ignores a
Release older than the one it has. `[site] channels` names the channels; `cudepot publish` shows in the first.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    add_store_wait(parser)
    parser.add_argument("source", metavar="FROM", help="the channel whose snapshot it is")
    parser.add_argument("target", metavar="TO", help="the channel that is to show it")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--snapshot", type=int, metavar="N", help="a snapshot FROM showed before")
    chosen.add_argument("--tag", metavar="NAME", help="the same by its tag")
    add_said(parser)
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="say which packages would change; show nothing new"
    )


def add_said(parser: argparse.ArgumentParser) -> None:
    """Declare what the record says of who does it and why."""
    parser.add_argument("-m", "--message", default="", metavar="TEXT", help="why; kept in the signed record")
    parser.add_argument("--by", default="", metavar="NAME", help="who does it (default: USER@HOST)")


def who(args: argparse.Namespace) -> str:
    """Return who does it, as the record has it."""
    return args.by or f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.channels.tags import tagged
    from cudepot.workflows.publish.promote import Said, promote

    with opened(args) as depot:
        number = args.snapshot if args.tag is None else tagged(depot.store, args.tag)
        said = Said(who(args), args.message)
        done = promote(depot, args.source, args.target, said=said, number=number, dry_run=args.dry_run)
    return answer_of(done, dry=args.dry_run)


def answer_of(done: PromoteResult, *, dry: bool) -> Answer:
    """Return what a promotion did as JSON and as lines."""
    lines = change_lines(done.changes) if done.instead else []
    again = f", which is {done.shows} again" if done.shows != done.number else ""
    instead = f" instead of {done.instead}" if done.instead else ""
    if done.number == done.instead:
        lines.append(f"{done.channel} shows snapshot {done.number} already{again}")
    else:
        did = "would show" if dry else "now shows"
        lines.append(f"{done.channel} {did} snapshot {done.number}{again}{instead}, at {done.site}")
    answer: dict[str, Any] = {
        "channel": done.channel, "from": done.source, "number": done.number, "shows": done.shows,
        "instead": done.instead, "record": done.record, "site": done.site, "counts": done.counts,
        "changes": changes_json(done.changes),
    }  # fmt: skip
    return answer, lines, 0
