"""``cudepot sync``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from cudepot.cli import lock
from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text
from cudepot.cli.room import room_json, room_lines
from cudepot.cli.wait_options import add_wait
from cudepot.cli.workers_option import add_workers
from cudepot.errors import ConfigError

NAME = "sync"
HELP = "fetch every locked artifact into the store"
DESCRIPTION = """\
Fetch what cudepot.lock lists and the store does not have: in parallel, resuming interrupted transfers, checking every
byte against the lock as it arrives. Nothing that fails the check becomes visible in the store. Failures are retried,
past caches, as long as --wait allows; then the fault is reported and remembered. With --lock, the pins are resolved
first, as `cudepot lock` does; what cannot be locked now is synced as locked before.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument(
        "--lock", action="store_true", help="lock first, in the same run: a scheduled mirror in one command"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be fetched; fetch nothing")
    lock.add_acceptance(parser.add_argument_group("with --lock"))
    add_wait(parser)
    add_workers(parser)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.sync import sync

    if not args.lock and (said := lock.accepted(args)):
        raise ConfigError(f"{said} applies to locking", hint="use --lock as well")
    with opened(args) as depot:
        locked = lock.locked(depot, args) if args.lock else None
        before, lines, code = lock.answered(locked, dry_run=args.dry_run) if locked else ({}, [], 0)
        result = sync(depot, locked.lock if locked else None, dry_run=args.dry_run, wait=args.wait)
    did = "to fetch" if args.dry_run else "fetched"
    notes = [*(f"note: {one}" for one in result.notes), *room_lines(result.room)]
    had = f"locked files: {result.files}, {size_text(result.bytes)}"
    told = [*notes, f"{had}; {did}: {result.fetched_files}, {size_text(result.fetched_bytes)}"]
    answer = {**asdict(result), "room": room_json(result.room)}
    if locked is None:
        return answer, told, 0
    return {**answer, "lock": before}, [*lines, *told], code
