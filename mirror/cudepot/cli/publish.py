"""``cudepot publish``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from cudepot.cli.context import opened
from cudepot.cli.output import Answer, complain, error_json
from cudepot.cli.progress import size_text
from cudepot.cli.room import room_json, room_lines
from cudepot.cli.wait_options import add_limit_rate, add_store_wait
from cudepot.errors import ConfigError, EulaError, UnsolvableError

if TYPE_CHECKING:
    from cudepot.workflows.publish.parts import Held

_WAITS = (ConfigError, EulaError, UnsolvableError)

NAME = "publish"
_SHOWN = 40
HELP = "make a signed snapshot and show it on the site"
DESCRIPTION = """\
Make a numbered, signed snapshot of what is locked and built (apt and yum repositories, conda channel, wheel index),
write it next to the one that is shown, and switch to it with one rename. If nothing changed, there is no new
snapshot. An upstream that cannot be published keeps its last published version; the others are updated, and the exit
status says what is wrong.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    add_store_wait(parser)
    add_limit_rate(parser)
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be published; publish nothing")
    add_keep_last(parser)
    parser.add_argument(
        "--release-rollback",
        action="store_true",
        help="end a rollback: show the contents of cudepot.lock, or on the far side of an air gap the newest "
        "bundle, again",
    )
    parser.add_argument(
        "--clock-is-right",
        action="store_true",
        help="the clock was wrong when the newest snapshot was made: sign everything again with the current time",
    )
    parser.add_argument("--recipes", metavar="DIR", help="use the recipes in this folder instead of cudepot's own")


def add_keep_last(parser: argparse.ArgumentParser) -> None:
    """Declare what keeps an upstream that cannot be had from stopping the others."""
    parser.add_argument(
        "--keep-last",
        action="store_true",
        help="if an upstream's locked files are missing, keep publishing its last good version",
    )


def held_lines(held: Sequence[Held]) -> list[str]:
    """Return a line for each upstream, build or channel that is not shown as the lock says."""
    return [f"{_said(one)}, so it {_state(one)}" for one in held]


def _said(one: Held) -> str:
    """Return what is wrong, with the name of whom it concerns once."""
    said = str(one.error)
    return said if said.startswith(one.name) else f"{one.name}: {said}"


def _state(one: Held) -> str:
    return "keeps its last published version" if one.kept else "is left out: it was never published before"


def held_json(held: Sequence[Held]) -> list[dict[str, Any]]:
    """Return the same as JSON has it."""
    return [{"name": one.name, "kept": one.kept, **error_json(one.error)} for one in held]


def exit_code(held: Sequence[Held], *, keep_last: bool) -> int:
    """Complain of what is not shown as the lock says, and return the exit status.

    With ``--keep-last`` what only waits (for a sync, a build, a licence) is no fault as long as something is shown.
    """
    faults = [one for one in held if not (keep_last and one.kept and isinstance(one.error, _WAITS))]
    for one in faults:
        complain(one.error.retold(f"{_said(one)}; it {_state(one)}"), as_json=False)
    return faults[0].error.exit_code if faults else 0


def _shortened(mark: str, paths: Sequence[str]) -> list[str]:
    """Return a line for each path, as far as people read them; --json has all."""
    more = [f"{mark} … and {len(paths) - _SHOWN} more"] if len(paths) > _SHOWN else []
    return [f"{mark} {path}" for path in paths[:_SHOWN]] + more


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.publish.publish import publish

    with opened(args) as depot:
        result = publish(
            depot,
            dry_run=args.dry_run,
            keep_last=args.keep_last,
            release_rollback=args.release_rollback,
            clock_is_right=args.clock_is_right,
        )
    lines = _shortened("+", result.added) + _shortened("-", result.removed)
    did = (
        "unchanged: snapshot"
        if not result.fresh
        else "would publish snapshot"
        if args.dry_run
        else "published snapshot"
    )
    lines += [*held_lines(result.held), *result.notes, *result.unsigned, *result.unsolvable, *result.foreign]
    lines += [line for one in result.compared for line in one.lines()]
    if args.dry_run and result.copies.files:
        size = size_text(result.copies.bytes)
        lines.append(
            f"NVIDIA's paths: {result.copies.files} copies made on the server, {size}; nothing is sent for them"
        )
    lines += room_lines(result.room)
    if result.hold:
        lines = [f"not shown: {one}" for one in lines]
        lines.append(result.hold.line())
    lines.append(f"{did} {result.number}: {result.files} files, {size_text(result.bytes)}, at {result.site}")
    code = exit_code(result.held, keep_last=args.keep_last)
    names = {one.name for one in result.held if one.kept}
    hold = {"hold": result.hold.as_json() if result.hold else None, "room": room_json(result.room)}
    answer = (
        asdict(replace(result, held=(), hold=None)) | hold | {"held": sorted(names), "failed": held_json(result.held)}
    )
    return answer, lines, code
