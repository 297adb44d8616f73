"""``cudepot channels``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cudepot.cli.context import opened
from cudepot.cli.output import NEEDED, Answer
from cudepot.depot.pointers import check_channel

if TYPE_CHECKING:
    from cudepot.catalog.site.promotion import Promotion
    from cudepot.workflows.channels.listing import Channel

NAME = "channels"
HELP = "say what each channel of the site shows, and what was promoted"
DESCRIPTION = """\
List the channels of the site: the snapshot each shows, since when, from where it came and who promoted it. With NAME
it lists all that was promoted to that channel, the newest first, from the signed records in the store. Exit status 14
when a channel shows something else than its record says: run the same promotion again.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="the records of this channel alone")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.channels.listing import list_channels

    with opened(args, exclusive=False) as depot:
        if args.name:
            check_channel(depot.config, args.name)
        found = list_channels(depot)
    records = [one for one in reversed(found.records) if args.name in ("", one.channel)]
    lines = [one.line() for one in records] if args.name else [_line(one) for one in found.channels]
    answer = {
        "channels": [{**one._asdict(), "last": one.last.number if one.last else 0} for one in found.channels],
        "promotions": [_json(one) for one in records],
        "faults": found.faults,
    }
    nothing = f"nothing was promoted to {args.name} yet" if args.name else "the site has no channels"
    return answer, [*lines, *found.faults] or [nothing], NEEDED if found.faults else 0


def _json(one: Promotion) -> dict[str, Any]:
    return {**one._asdict(), "changes": [each._asdict() for each in one.changes]}


def _line(one: Channel) -> str:
    if one.shown is None:
        return f"{one.name:10} shows nothing yet"
    again = f" ({one.shows} again)" if one.shows != one.shown else ""
    tags = f", tagged {', '.join(one.tags)}" if one.tags else ""
    where = f", from {one.last.source} by {one.last.who}" if one.last and one.last.source else ""
    return (
        f"{one.name:10} snapshot {one.shown}{again} since {one.since}{where}{tags}{f', {one.url}' if one.url else ''}"
    )
