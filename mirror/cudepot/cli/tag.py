"""``cudepot tag``."""

from __future__ import annotations

import argparse

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.wait_options import add_store_wait
from cudepot.errors import ConfigError

NAME = "tag"
HELP = "give a snapshot a name, which keeps it from gc"
DESCRIPTION = """\
`cudepot tag NAME N` gives snapshot N a name: `gc` keeps it, `snapshots` shows it, `promote --tag NAME` takes it.
Without arguments it lists the tags. A name is never given to another snapshot unless --move says so.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    add_store_wait(parser)
    parser.add_argument("name", nargs="?", metavar="NAME", help="the tag")
    parser.add_argument("number", nargs="?", type=int, metavar="N", help="number of the snapshot")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--move", action="store_true", help="take the tag from another snapshot")
    what.add_argument("--remove", action="store_true", help="remove the tag; the snapshot stays until gc")
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would change; change nothing")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    if args.remove:
        return _remove(args)
    if args.name is None:
        return _list(args)
    if args.number is None:
        raise ConfigError(f"which snapshot is {args.name!r} to be?", hint="cudepot tag NAME N; see `cudepot snapshots`")
    return _add(args)


def _list(args: argparse.Namespace) -> Answer:
    with opened(args, exclusive=False) as depot:
        tags = depot.store.tags.read()
    return tags, [f"{number:6}  {name}" for name, number in tags.items()] or ["no tag yet: cudepot tag NAME N"], 0


def _add(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.channels.tags import add_tag

    with opened(args) as depot:
        before = add_tag(depot.store, depot.history, args.name, args.number, move=args.move)
    did = "would be" if args.dry_run else "is"
    was = f", and no longer of {before}" if before not in (0, args.number) else ""
    line = f"{args.name} {did} the tag of snapshot {args.number}{was}"
    return {"tag": args.name, "snapshot": args.number, "before": before}, [line], 0


def _remove(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.channels.tags import remove_tag

    with opened(args) as depot:
        number = remove_tag(depot.store, args.name)
    did = "would be" if args.dry_run else "is"
    line = f"{args.name} {did} no longer a tag of snapshot {number}"
    return {"tag": args.name, "snapshot": 0, "before": number}, [line], 0
