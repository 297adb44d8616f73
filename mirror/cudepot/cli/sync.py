"""``cudepot sync``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from cudepot.cli.context import add_wait, opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text

NAME = "sync"
HELP = "bring every locked artifact into the store"
DESCRIPTION = """\
Fetch what cudepot.lock names and the store lacks: in parallel, resumed where an earlier run was cut, every byte
checked against the lock while it arrives. Nothing that does not match becomes visible in the store. What fails is
tried again, past caches, as long as --wait allows; then the fault is named and remembered.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be fetched; fetch nothing")
    add_wait(parser)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.sync import sync

    with opened(args) as depot:
        result = sync(depot, dry_run=args.dry_run, wait=args.wait)
    did = "to fetch" if args.dry_run else "fetched"
    notes = [f"note: {one}" for one in result.notes]
    locked = f"locked files: {result.files}, {size_text(result.bytes)}"
    return asdict(result), [*notes, f"{locked}; {did}: {result.fetched_files}, {size_text(result.fetched_bytes)}"], 0
