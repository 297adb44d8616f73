"""``cudepot init``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from cudepot.cli.output import Answer

NAME = "init"
HELP = "make a project: cudepot.toml, store and a signing key"
DESCRIPTION = """\
Make a project folder with a commented cudepot.toml, an empty store and, unless you name one of yours, a new OpenPGP
key that signs what this site publishes. In a folder that has a cudepot.toml (a fresh clone, say) it makes what is
missing and leaves the file alone.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("--label", default="site", help="who you are: lower-case letters, digits, dots (default: site)")
    parser.add_argument("--key", default="", metavar="FINGERPRINT", help="sign with this key instead of a new one")
    parser.add_argument("--gnupg", default="gnupg", metavar="DIR", help="GnuPG home of the key (default: gnupg)")
    parser.add_argument(
        "--from-site",
        type=Path,
        metavar="KEYFILE",
        help="make the far side of an air gap: show the site of this public key out of bundles; sign nothing",
    )
    parser.add_argument(
        "--upstream-key",
        action="append",
        default=[],
        metavar="FINGERPRINT",
        help="with --from-site: a key that may sign an upstream (default: NVIDIA's, as cudepot knows them)",
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be made; make nothing")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.workflows.init import init

    base = Path(args.directory).resolve()
    if args.from_site:
        return _from_site(args, base)
    result = init(base, label=args.label, key=args.key, gnupg=args.gnupg, dry_run=args.dry_run)
    did = "would make" if args.dry_run else "made"
    lines = [f"{did} {base / name}" for name in result.made] or ["nothing to make: the project is complete"]
    if result.key:
        lines.append(f"site key: {result.key}")
    if result.key and not result.can_sign and not args.dry_run:
        lines.append("its secret half is not on this machine: lock, sync and repackage work here, publish does not")
    if "cudepot.toml" in result.made and not args.dry_run:
        lines.append("next: say in cudepot.toml what you want, then cudepot lock, sync, repackage, publish")
    return asdict(result), lines, 0


def _from_site(args: argparse.Namespace, base: Path) -> Answer:
    from cudepot.workflows.init_origin import init_from

    keys = args.upstream_key
    result = init_from(base, args.from_site, label=args.label, upstream_keys=keys, dry_run=args.dry_run)
    did = "would make" if args.dry_run else "made"
    lines = [f"{did} {base / name}" for name in result.made]
    lines.append(f"the site's key: {result.key}: compare it with the near side's by another way")
    lines.append("next: cudepot bundle import FILE..., then cudepot publish")
    return asdict(result), lines, 0
