"""``cudepot repackage``."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.output import Answer, complain, error_json
from cudepot.cli.progress import size_text
from cudepot.cli.publish import add_keep_last
from cudepot.cli.room import room_json, room_lines
from cudepot.cli.wait_options import add_store_wait
from cudepot.cli.workers_option import add_workers, refuse_recipes
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.depot.isolated import Trouble

NAME = "repackage"
HELP = "make conda packages and wheels from the locked artifacts"
DESCRIPTION = """\
Unpack every locked artifact whose pin has a recipe, check that it is what its name claims (SONAMEs, machine, version
in the header, licence accepted), and build conda packages and a wheel from it. The same payload gives identical
packages, whichever form it came in; what has been built is not built again. A build that fails, or whose licence is
not accepted yet, does not stop the others; all licences still to be accepted are listed at once, before anything is
unpacked.

With --payloads, write the unpacked payloads instead, to build the recipes with other tools:
  export CUDEPOT_PAYLOAD=DIR/cudnn-…
  rattler-build build -r recipes/cudnn -m channel-config/variants.yaml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    add_store_wait(parser)
    add_keep_last(parser)
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be built; build nothing")
    parser.add_argument("--recipes", metavar="DIR", help="use the recipes in this folder instead of cudepot's own")
    parser.add_argument("--payloads", metavar="DIR", help="write the payloads below DIR; build nothing")
    add_workers(parser)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    refuse_recipes(args)
    from cudepot.workflows.build.repackage import repackage, write_payloads

    if args.payloads and args.keep_last:
        raise ConfigError("--keep-last is for packages, not for --payloads", hint="give one of them")
    if args.payloads and not args.dry_run:
        with opened(args) as depot:
            made = write_payloads(depot.workshop, depot.lock_path, Path(args.payloads))
        return list(made), [f"wrote {path}" for path in made], 0
    with opened(args) as depot:
        result = repackage(depot, dry_run=args.dry_run, keep_last=args.keep_last)
    names = [f"{one.subdir}/{one.filename}".lstrip("/") for one in result.built]
    lines = [f"{name} ({size_text(one.digest.size)})" for name, one in zip(names, result.built, strict=True)]
    lines += [f"{one}: locked artifacts are missing, so its last published packages are kept" for one in result.held]
    lines += [f"{one}: skipped: locked artifacts are missing" for one in result.left]
    lines += [f"{one.name}: skipped: {one.error}" for one in result.failed] + list(result.notes)
    for one in result.failed:
        complain(one.error.retold(_prefixed(one)), as_json=False)
    did = "to build" if args.dry_run else "built now"
    lines += room_lines(result.room)
    lines.append(f"releases: {len(result.jobs)}, {did}: {result.run}, packages: {len(result.built)}")
    failed = [{"name": one.name, **error_json(one.error)} for one in result.failed]
    answer = (
        asdict(replace(result, failed=()))
        | {"failed": failed, "room": room_json(result.room)}
        | (failed[0] if failed else {})
    )
    return answer, lines, result.failed[0].error.exit_code if result.failed else 0


def _prefixed(one: Trouble) -> str:
    said = str(one.error)
    return said if one.name == "licences" or said.startswith(one.name) else f"{one.name}: {said}"
