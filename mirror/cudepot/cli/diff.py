"""``cudepot diff``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.steps import telling
from cudepot.data import data_folder
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.site.diff import Change

NAME = "diff"
HELP = "say how two snapshots or payloads differ, or packages from another channel's"
DESCRIPTION = """\
Say which packages of apt, yum, conda and wheel came (+), went (-) or changed (~) from snapshot A to snapshot B, and
why: the pins changed (pin), another package needs it (closure), the upstream published it (upstream), or it was built
here (built).

With --payload, A and B are files: artifacts as NVIDIA ships them (several of one release joined by commas), or conda
packages and wheels. The files in them are compared in their canonical places, however they were shipped.

With --dropin, the conda packages that were built are compared with those of another channel's repodata.json: names,
depends, constrains; run_exports where a run_exports.json lies beside it, file lists where the packages do.
"""
_MARKS = {"came": "+", "went": "-", "changed": "~"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("before", nargs="?", metavar="A", help="number of the older snapshot; with --payload a file")
    parser.add_argument("after", nargs="?", metavar="B", help="number of the newer snapshot; with --payload a file")
    parser.add_argument("--payload", action="store_true", help="compare the files in two artifacts or packages")
    parser.add_argument("--dropin", metavar="REPODATA", help="compare our conda packages with those of a channel")
    parser.add_argument("--recipes", metavar="DIR", help="folder of recipes instead of cudepot's own")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    if args.dropin:
        return _dropin(args)
    if args.before is None or args.after is None:
        raise ConfigError("diff compares two: A and B are missing", hint="see `cudepot diff --help`")
    return _payloads(args) if args.payload else _snapshots(args)


def _snapshots(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.snapshots import diff_snapshots

    first, second = (_number(one) for one in (args.before, args.after))
    with opened(args, exclusive=False) as depot:
        found = diff_snapshots(depot.store, depot.history, depot.progress, first, second)
    lines = change_lines(found) or [f"the packages of snapshots {first} and {second} are the same"]
    return changes_json(found), lines, 0


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ConfigError(f"{text!r} is not the number of a snapshot", hint="to compare files, give --payload")
    return int(text)


def _payloads(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.build.payload_diff import diff_payloads

    recipes = Path(args.recipes) if args.recipes else data_folder("recipes")
    with telling(f"comparing the files of {args.before} and {args.after}", quiet=args.quiet):
        found, same = diff_payloads(recipes, args.before, args.after)
    lines = [f"{_MARKS[one.kind]} {one.path} {' => '.join(filter(None, (one.before, one.after)))}" for one in found]
    lines.append(f"{len(found)} files differ, {same} are the same")
    return {"files": [asdict(one) | {"kind": one.kind} for one in found], "same": same}, lines, 0


def _dropin(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.build.dropin import dropin

    with opened(args, exclusive=False) as depot:
        found = dropin(depot.workshop, depot.lock_path, Path(args.dropin))
    lines = []
    for one in found.differences:
        lines.append(f"{one.package}: {one.field}")
        lines += [f"  - {text}" for text in one.lacking] + [f"  + {text}" for text in one.more]
    if found.unknown:
        lines.append(f"not compared: {', '.join(found.unknown)} (nothing beside the repodata says them)")
    lines.append(f"{len(found.compared)} packages compared, {len(found.differences)} differences")
    return asdict(found), lines, 0


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
