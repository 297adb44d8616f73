"""``cudepot diff``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cudepot.catalog.site_tops import LOCK
from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.steps import telling
from cudepot.data import data_folder
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.site.diff import Change
    from cudepot.catalog.solution.diff import Move

NAME = "diff"
HELP = "compare two snapshots, two payloads, or the built packages with another channel's"
DESCRIPTION = """\
List which apt, yum, conda and wheel packages were added (+), removed (-) or changed (~) from snapshot A to snapshot
B, and why: the pins changed (pin), an environment (environment) or another package needs it (closure), the upstream
published it (upstream), or it was built here (built). Then list, for each environment, which projects were upgraded,
downgraded, added or removed, and in which targets. A or B may be `lock`: the contents of cudepot.lock, without what
is built here.

With --payload, A and B are files: artifacts as NVIDIA ships them (several of one release joined by commas), or conda
packages and wheels. Their files are compared in canonical places, however they were shipped.

With --dropin, the conda packages that were built are compared with those in another channel's repodata.json: names,
depends, constrains; also run_exports if there is a run_exports.json next to it, and file lists if the packages are
there.
"""
_MARKS = {"came": "+", "went": "-", "changed": "~"}
_KINDS = {"new": "came", "gone": "went"}
"""Directions of an environment's project as changes of packages call them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("before", nargs="?", metavar="A", help="the older snapshot's number, or lock; or a file")
    parser.add_argument("after", nargs="?", metavar="B", help="the newer snapshot's number, or lock; or a file")
    parser.add_argument("--payload", action="store_true", help="compare the files in two artifacts or packages")
    parser.add_argument("--dropin", metavar="REPODATA", help="compare the built conda packages with those of a channel")
    parser.add_argument("--recipes", metavar="DIR", help="use the recipes in this folder instead of cudepot's own")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    if args.dropin:
        return _dropin(args)
    if args.before is None or args.after is None:
        raise ConfigError("nothing to compare: A and B are missing", hint="see `cudepot diff --help`")
    return _payloads(args) if args.payload else _snapshots(args)


def _snapshots(args: argparse.Namespace) -> Answer:
    from cudepot.depot.locked import load_lock
    from cudepot.workflows.snapshots import diff_states

    first, second = (_number(one) for one in (args.before, args.after))
    with opened(args, exclusive=False) as depot:
        states = (load_lock(depot.lock_path) if one is None else one for one in (first, second))
        found = diff_states(depot.store, depot.history, depot.progress, *states)
    same = f"the packages of {_side(first)} and {_side(second)} are identical"
    lines = [*change_lines(found.packages), *map(_move_line, found.environments)] or [same]
    return [*changes_json(found.packages), *map(_move_json, found.environments)], lines, 0


def _number(text: str) -> int | None:
    """Return the number of a snapshot; None for the lock."""
    if text == LOCK:
        return None
    if not text.isdecimal():
        raise ConfigError(f"{text!r} is not the number of a snapshot", hint="to compare files, use --payload")
    return int(text)


def _side(number: int | None) -> str:
    return "the lock" if number is None else f"snapshot {number}"


def _move_json(one: Move) -> dict[str, Any]:
    """Return what moved in an environment, with the keys of a package's change and more."""
    keys = {"ecosystem": one.ecosystem, "name": one.name, "before": one.before, "after": one.after}
    place = {"place": f"environments/{one.environment}", "targets": list(one.targets), "why": "environment"}
    return {**keys, **place, "kind": _KINDS.get(one.direction, "changed"), "direction": one.direction}


def _move_line(one: Move) -> str:
    versions = f"{one.before} -> {one.after}" if one.before and one.after else one.after or one.before
    where = f", {', '.join(one.targets)}" if one.targets else ""
    mark = _MARKS[_KINDS.get(one.direction, "changed")]
    return f"{mark} environment {one.environment}: {one.name} {versions} ({one.direction}{where})"


def _payloads(args: argparse.Namespace) -> Answer:
    from cudepot.workflows.build.payload_diff import diff_payloads

    recipes = Path(args.recipes) if args.recipes else data_folder("recipes")
    with telling(f"comparing the files of {args.before} and {args.after}", quiet=args.quiet):
        found, same = diff_payloads(recipes, args.before, args.after)
    lines = [f"{_MARKS[one.kind]} {one.path} {' => '.join(filter(None, (one.before, one.after)))}" for one in found]
    lines.append(f"{len(found)} files differ, {same} are identical")
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
        lines.append(f"not compared: {', '.join(found.unknown)} (no data for them next to the repodata)")
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
        versions = f"{one.before}, content changed"
    else:
        versions = f"{one.before} -> {one.after}"
    why = f" ({one.why})" if one.why else ""
    return f"{_MARKS[one.kind]} {one.ecosystem} {one.place}: {one.name} {versions}{why}"
