"""``cudepot backup``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text
from cudepot.cli.wait_options import add_store_wait

if TYPE_CHECKING:
    from cudepot.workflows.backup.save import BackupResult

NAME = "backup"
HELP = "save what cannot be fetched again as one signed file"
DESCRIPTION = """\
Write one signed tar file with what nothing else can bring again: snapshots, records and memories of the store, tags,
promotions, cudepot.toml, cudepot.lock, key files and whatever else is in the project's folder, and all objects but
those that upstreams of the present cudepot.lock have. The private key is no part of it unless --with-key says so.
The far side of an air gap and an edge have no key: there it is not signed and has all objects, and its sha256 is
what vouches for it. A store in a bucket is no part of it either, unless --everything: losing this machine loses
nothing of it. `cudepot restore` makes the same site of it on an empty machine.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    add_store_wait(parser)
    parser.add_argument("file", metavar="FILE", help="the backup; it appears when it is complete")
    parser.add_argument(
        "--everything", action="store_true", help="all objects, also what upstreams have, and a store in a bucket"
    )
    parser.add_argument(
        "--ask", action="store_true", help="ask upstreams for each file left to them; what they lack is saved too"
    )
    parser.add_argument("--with-key", action="store_true", help="the private key too: keep the file as safe as the key")
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be written; write nothing")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.backup.save import backup

    with opened(args, exclusive=not args.dry_run, changes=False) as depot:
        done = backup(
            depot, Path(args.file), everything=args.everything, ask=args.ask, with_key=args.with_key,
            dry_run=args.dry_run,
        )  # fmt: skip
    did = "would write" if args.dry_run else "wrote"
    lines = [f"left to {name}: {count} objects, {size_text(size)}" for name, (count, size) in done.left.items()]
    saved = f"in {done.elsewhere} only" if done.elsewhere else "saved as objects only"
    lines += [f"{one} is outside the project: its files are {saved}" for one in done.outside]
    lines += [f"skipped: {one}: a link that leads out of the project" for one in done.left_out]
    lines += [f"{done.lost} objects that snapshots name are lost already"] if done.lost else []
    held = f"{done.objects} objects, {size_text(done.bytes)}, {done.state} records, {done.project} files of the project"
    if done.elsewhere:
        lines.append(f"not in it: the store, {done.elsewhere}: keep versions or copies of the bucket, or --everything")
        held = f"{done.project} files of the project"
    lines.append(f"{did} {done.file}: {held}")
    return asdict(done), [*lines, *_vouched(done)], 0


def _vouched(done: BackupResult) -> list[str]:
    """Return what to note of the file."""
    if not done.sha256:
        return []
    unsigned = "not signed, for this project has no key: note the hash elsewhere, `cudepot restore` asks for it"
    return [f"sha256 {done.sha256}"] + ([] if done.signed else [unsigned])
