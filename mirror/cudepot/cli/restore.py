"""``cudepot restore``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text
from cudepot.cli.project_file import load_config
from cudepot.cli.steps import telling
from cudepot.cli.wait_options import add_wait

NAME = "restore"
HELP = "make the same site of a backup on an empty machine"
DESCRIPTION = """\
Make a project of a backup in the folder of -C, which has to be empty, fetch what the backup leaves to others (from the
site, where a bucket still has it, or from upstreams), and show the same snapshots again. What cannot be fetched is
listed, and exit status 4 says so. A run that was interrupted is completed by the same command.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    add_wait(parser)
    parser.add_argument("file", metavar="FILE", help="what `cudepot backup` wrote")
    text = "full fingerprint of the site's key, which you know from elsewhere: nothing else is trusted"
    parser.add_argument("--key", default="", metavar="FINGERPRINT", help=text)
    text = "hash of a backup without signature, as `cudepot backup` said it on the far side of an air gap or on an edge"
    parser.add_argument("--sha256", default="", metavar="HASH", help=text)
    parser.add_argument("-n", "--dry-run", action="store_true", help="check the backup, and say what it has")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.fingerprints import fingerprint
    from cudepot.workflows.backup.opened import Vouched, open_backup
    from cudepot.workflows.backup.restore import complete, restore_keys
    from cudepot.workflows.backup.unpack import unpack_backup

    base = Path(args.directory).resolve()
    with telling("cudepot restore: at work", quiet=args.quiet) as progress:
        known = Vouched(fingerprint(args.key) if args.key else "", args.sha256.lower())
        opened_backup = open_backup(Path(args.file), known)
        if args.dry_run:
            return _dry(args, opened_backup.manifest)
        kept = unpack_backup(opened_backup, base, progress)
    restore_keys(opened_backup.manifest, base, load_config(base).site.gnupg)
    with opened(args) as depot:
        done = complete(depot, opened_backup.manifest, wait=args.wait)
    lines = [f"changed since, and kept: {one}" for one in kept]
    lines += [f"cannot be fetched again: {one}" for one in done.lacking]
    lines += [f"{name or 'the site'} is not shown: {why}" for name, why in done.not_shown.items()]
    lines += [f"{name or 'the site'} shows snapshot {number} again" for name, number in done.shown.items()]
    lines += [*done.notes, f"fetched again: {done.fetched} objects, {size_text(done.fetched_bytes)}"]
    return asdict(done) | {"kept": kept}, lines, 4 if done.lacking or done.not_shown else 0


def _dry(args: argparse.Namespace, manifest: object) -> Answer:
    from cudepot.catalog.site.backup import Backup

    assert isinstance(manifest, Backup)
    size = sum(one.size for one in manifest.members)
    answer = {"created": manifest.created, "signer": manifest.signer, "shown": manifest.shown, "bytes": size}
    left = f"{len(manifest.left)} objects are left to upstreams"
    return (
        answer,
        [f"{args.file}: of {manifest.created}, {len(manifest.objects)} objects, {size_text(size)}; {left}"],
        0,
    )
