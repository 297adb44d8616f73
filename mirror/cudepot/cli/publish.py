"""``cudepot publish``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from cudepot.cli.context import add_store_wait, opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text

NAME = "publish"
_SHOWN = 40
HELP = "make a signed snapshot and show it on the site"
DESCRIPTION = """\
Make a numbered, signed snapshot of what is locked and built (apt repositories, conda channel, wheel index), write
it beside the one that is shown, and switch to it by one rename. Nothing changed: no new snapshot.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    add_store_wait(parser)
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be published; show nothing new")
    add_keep_last(parser)
    parser.add_argument("--recipes", metavar="DIR", help="folder of recipes instead of cudepot's own")


def add_keep_last(parser: argparse.ArgumentParser) -> None:
    """Declare what keeps an upstream that cannot be had from stopping the others."""
    parser.add_argument(
        "--keep-last",
        action="store_true",
        help="an upstream whose locked artifacts are missing, or cannot be installed, stays as it was published last",
    )


def held_lines(held: Sequence[str]) -> list[str]:
    """Return a line for each upstream that was held back so."""
    why = "locked artifacts are missing, or cannot be installed"
    return [f"{name}: {why}, so it stays as it was published last" for name in held]


def _shortened(mark: str, paths: Sequence[str]) -> list[str]:
    """Return a line for each path, as far as people read them; --json has all."""
    more = [f"{mark} … and {len(paths) - _SHOWN} more"] if len(paths) > _SHOWN else []
    return [f"{mark} {path}" for path in paths[:_SHOWN]] + more


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.publish import publish

    with opened(args) as depot:
        result = publish(depot, dry_run=args.dry_run, keep_last=args.keep_last)
    lines = _shortened("+", result.added) + _shortened("-", result.removed)
    did = (
        "unchanged: snapshot"
        if not result.fresh
        else "would publish snapshot"
        if args.dry_run
        else "published snapshot"
    )
    lines += held_lines(result.held)
    lines += (*result.unsigned, *result.unsolvable, *result.foreign)
    lines.append(f"{did} {result.number}: {result.files} files, {size_text(result.bytes)}, at {result.site}")
    return asdict(result), lines, 0
