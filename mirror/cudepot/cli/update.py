"""``cudepot update``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cudepot.cli.context import opened
from cudepot.cli.output import Answer, complain, error_json
from cudepot.cli.progress import size_text
from cudepot.cli.wait_options import add_wait

if TYPE_CHECKING:
    from cudepot.depot.rounds import Failure
    from cudepot.workflows.lock.settled import EnvironmentSize
    from cudepot.workflows.lock.update import UpdateResult

NAME = "update"
HELP = "show newer releases for pins and environments; with --apply, pin and lock them"
DESCRIPTION = """\
Ask every upstream for the newest version of each pinned package within the same CUDA major version, and show the
change to cudepot.toml that would pin it, and which newer versions the environments would get. Also list newer
versions outside a pin, and pinned ones that were withdrawn or are no longer listed. Nothing changes without --apply,
which writes cudepot.toml and cudepot.lock; both can be reviewed and reverted with version control.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("names", nargs="*", metavar="PACKAGE", help="only these packages")
    parser.add_argument("--apply", action="store_true", help="write the new pins and lock them")
    parser.add_argument("-n", "--dry-run", action="store_true", help="with --apply: show what would change")
    add_wait(parser)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.lock.update import apply_updates, find_updates

    applied = args.apply and not args.dry_run
    args.dry_run = not applied
    with opened(args) as depot:
        found = find_updates(depot, args.names, wait=args.wait)
        if applied and (found.updates or found.environments):
            apply_updates(depot, found.text if found.updates else "", wait=args.wait, upgrade=found.upgrade)
    faults = [*found.failed, *found.refused]
    for one in faults:
        complain(one.error, as_json=False)
    code = faults[0].error.exit_code if faults else 0
    answer = {
        "updates": [asdict(one) for one in found.updates],
        "notices": [asdict(one) for one in found.notices],
        "diff": list(found.diff),
        "applied": applied,
        "failed": [_failure(one) for one in found.failed],
        "refused": [_failure(one) for one in found.refused],
        "environments": [_environment(one) for one in found.environments],
    }
    return answer, list(_lines(found, applied=applied)), code


def _failure(one: Failure) -> dict[str, Any]:
    return {"upstream": one.upstream, **error_json(one.error)}


def _environment(one: EnvironmentSize) -> dict[str, Any]:
    moved = {"changed": list(one.changed), "added": list(one.added), "removed": list(one.removed)}
    return {
        "name": one.name,
        "kind": one.kind,
        **moved,
        "moved": [each._asdict() for each in one.moved],
        "new_bytes": one.new_bytes,
    }


def _environment_lines(found: UpdateResult) -> Iterator[str]:
    for one in found.environments:
        why = {each.name: f" ({each.line()})" for each in one.moved if each.source or each.advisories}
        changed = [text + why.get(text.partition(" ")[0], "") for text in one.changed]
        added = [f"+ {text}{why.get(text.partition(' ')[0], '')}" for text in one.added]
        moved = [*changed, *added, *(f"- {text}" for text in one.removed)]
        yield from (f"environment {one.name}: {text}" for text in moved)
        yield f"environment {one.name}: {size_text(one.new_bytes)} to be fetched"


def _lines(found: UpdateResult, *, applied: bool) -> Iterator[str]:
    for one in found.updates:
        date = f", published {one.published}" if one.published else ""
        yield f"{one.upstream}: {one.name} {one.locked} -> {one.newest} ({size_text(one.size)}{date})"
        if one.supports:
            yield f"  works with {one.supports}"
    yield from (f"{one.upstream}: {one.text}" for one in found.notices)
    yield from _environment_lines(found)
    if found.updates or found.environments:
        yield from ("", *found.diff, "") if found.diff else ()
        yield "pinned and locked; next: cudepot sync" if applied else "`cudepot update --apply` pins and locks them"
    elif found.asked and not found.refused and not any(one.kind == "inside" for one in found.notices):
        which = " of the upstreams that answered" if found.failed else ""
        yield f"nothing newer matches the pins{which}"
    elif found.upgrade and not found.failed:
        yield "nothing newer for the environments"
