"""``cudepot update``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from cudepot.cli.context import add_wait, opened
from cudepot.cli.output import Answer, complain, error_json
from cudepot.cli.progress import size_text

if TYPE_CHECKING:
    from cudepot.workflows.update import UpdateResult

NAME = "update"
HELP = "show which newer releases fit the pins; with --apply, pin and lock them"
DESCRIPTION = """\
Ask every upstream what is newest for each pinned package, with the same major version of CUDA, and show the change of
cudepot.toml that would pin it. Nothing changes without --apply, which writes cudepot.toml and cudepot.lock; both can be
reviewed and taken back by version control.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("names", nargs="*", metavar="PACKAGE", help="only these packages")
    parser.add_argument("--apply", action="store_true", help="write the new pins and lock them")
    parser.add_argument("-n", "--dry-run", action="store_true", help="with --apply: say what would change")
    add_wait(parser)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.update import apply_updates, find_updates

    applied = args.apply and not args.dry_run
    args.dry_run = not applied
    with opened(args) as depot:
        found = find_updates(depot, args.names, wait=args.wait)
        if applied and found.updates:
            apply_updates(depot, found.text, wait=args.wait)
    for one in found.failed:
        complain(one.error, as_json=False)
    code = found.failed[0].error.exit_code if found.failed else 0
    answer = {"updates": [asdict(one) for one in found.updates], "diff": list(found.diff), "applied": applied}
    failed = [{"upstream": one.upstream, **error_json(one.error)} for one in found.failed]
    return answer | {"failed": failed}, list(_lines(found, applied=applied)), code


def _lines(found: UpdateResult, *, applied: bool) -> Iterator[str]:
    for one in found.updates:
        date = f", published {one.published}" if one.published else ""
        yield f"{one.upstream}: {one.name} {one.locked} -> {one.newest} ({size_text(one.size)}{date})"
        if one.supports:
            yield f"  works with {one.supports}"
    if not found.updates:
        yield "nothing newer fits the pins"
        return
    yield from ("", *found.diff, "")
    yield "pinned and locked; next: cudepot sync" if applied else "`cudepot update --apply` pins and locks them"
