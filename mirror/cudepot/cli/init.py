"""``cudepot init``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.init_sizes import oversized, sizes
from cudepot.cli.init_stacks import listing, stack_arguments, stack_lines, stack_wishes
from cudepot.cli.output import Answer
from cudepot.cli.steps import telling
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.nvidia.first_pins import Wishes
    from cudepot.catalog.stacks.chosen import StackWishes

NAME = "init"
_LABEL = "site"
_LARGE = 20 * 10**9
"""Bytes above which there is a warning."""
HELP = "create a project: cudepot.toml, store and a signing key"
DESCRIPTION = """\
Create a project folder with a commented cudepot.toml, an empty store and, unless you give one of yours, a new OpenPGP
key that signs what this site publishes. In a folder that has a cudepot.toml (a fresh clone, for example) it creates
what is missing and does not touch the file.

With --stack the file mirrors what people mirror together, as environments that machines can install from the site
alone: a GPU node, an HGX node, the packages the GPU Operator asks for. --list-stacks lists them.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    text = "your name for the site: lower-case letters, digits, dots; it ends the versions of wheels (default: site)"
    parser.add_argument("--label", default="", help=text)
    parser.add_argument("--key", default="", metavar="FINGERPRINT", help="sign with this key instead of a new one")
    parser.add_argument("--gnupg", default="gnupg", metavar="DIR", help="GnuPG home of the key (default: gnupg)")
    parser.add_argument(
        "--from-site",
        type=Path,
        metavar="KEYFILE",
        help="set up the far side of an air gap: show the site of this public key from bundles; sign nothing",
    )
    parser.add_argument(
        "--upstream-key",
        action="append",
        default=[],
        metavar="FINGERPRINT",
        help="with --from-site: a key that may sign an upstream (default: those that presets pin); with "
        "--stack: a key that may sign an upstream whose preset pins none",
    )
    parser.add_argument(
        "--unsigned-upstream",
        action="append",
        default=[],
        metavar="NAME",
        help="with --from-site: an upstream of that site whose repository is signed only by the site, such as a "
        "folder of debs",
    )
    wishes = parser.add_argument_group("what to pin; on a terminal you are asked if none of this is given")
    wishes.add_argument(
        "--distribution", action="append", default=[], metavar="NAME", help="ubuntu2004, rhel8/sbsa; may be repeated"
    )
    text = "8.0.5.39; 9.1 for its newest, 9.1.* for all of them; may be repeated (default: the newest)"
    wishes.add_argument("--cudnn", action="append", default=[], metavar="VERSION", help=text)
    text = "11.1; may be repeated (default: the newest that cuDNN was built for)"
    wishes.add_argument("--cuda", action="append", default=[], metavar="VERSION", help=text)
    wishes.add_argument("--repackage", action="store_true", help="also make conda packages and wheels")
    text = "the same for machines that see only the site: also cuBLAS and NVRTC, from this machine's package index"
    wishes.add_argument("--closed", action="store_true", help=text)
    text = "refuse a larger selection; without it, there is a warning above 20 GB"
    wishes.add_argument("--max-size", default="", metavar="SIZE", help=text)
    text = "a public key that does not come with cudepot; it is copied into keys/ if it is pinned; may be repeated"
    parser.add_argument("--keyring", action="append", default=[], type=Path, metavar="FILE", help=text)
    stack_arguments(parser)
    parser.add_argument("--no-input", action="store_true", help="do not ask questions")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be created; create nothing")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    base = Path(args.directory).resolve()
    if args.list_stacks:
        return listing()
    if args.from_site:
        return _from_site(args, base)
    if args.stack:
        return _project(args, base, stack_wishes(args))
    wishes = None if (base / "cudepot.toml").exists() and not _given(args) else _wishes(args)
    _check_size(args, wishes)
    return _project(args, base, wishes)


def _project(args: argparse.Namespace, base: Path, wishes: Wishes | StackWishes | None) -> Answer:
    from cudepot.workflows.init.init import init

    with telling("cudepot init: making the project and its key", quiet=args.quiet):
        result = init(
            base,
            label=args.label or _LABEL,
            key=args.key,
            gnupg=args.gnupg,
            dry_run=args.dry_run,
            wishes=wishes,
            keyrings=args.keyring,
        )
    did = "would make" if args.dry_run else "made"
    lines = [f"{did} {base / name}" for name in result.made] or ["nothing to do: the project is complete"]
    if result.key:
        lines.append(f"site key: {result.key}")
    if result.key and not result.can_sign and not args.dry_run:
        lines.append("its secret half is not on this machine: lock, sync and repackage work here, publish does not")
    lines += [*sizes(result.expected), *oversized(result.expected, _limit(args)), *stack_lines(wishes)]
    lines += [f"lacking: {one}" for one in (*result.lacking, *_lacking_index(wishes))]
    if "cudepot.toml" in result.made and not args.dry_run:
        first = "read cudepot.toml" if wishes else "write what you want into cudepot.toml"
        lines.append(
            f"next: {first}, then cudepot lock (it shows how much there is to fetch), sync, repackage, publish"
        )
    return asdict(result), lines, 0


def _lacking_index(wishes: Wishes | StackWishes | None) -> list[str]:
    """Return a line where what is pinned comes from this machine's index, and none is configured."""
    if not getattr(wishes, "closed", False):
        return []
    from cudepot.cli.machine_index import machine_index

    try:
        machine_index()
    except ConfigError as error:
        return [f"{error}: {error.hint}"]
    return []


def _given(args: argparse.Namespace) -> bool:
    return bool(args.distribution or args.cudnn or args.cuda or args.repackage or args.closed)


def _wishes(args: argparse.Namespace) -> Wishes | StackWishes | None:
    """Return what the options say, else what the user answers, else None: a file with nothing but examples."""
    from cudepot.catalog.nvidia.first_pins import Wishes

    if _given(args):
        names, cudnns, cudas = (tuple(dict.fromkeys(one)) for one in (args.distribution, args.cudnn, args.cuda))
        return Wishes(names, cudnns, cudas, args.repackage, args.closed)
    quiet = args.no_input or args.quiet or args.json
    if quiet or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    from cudepot.cli.init_questions import ask_label, ask_wishes

    args.label = args.label or ask_label()
    return ask_wishes(_limit(args))


def _limit(args: argparse.Namespace) -> int:
    """Return the bytes above which a project is said to be large; raise ConfigError for what is no size."""
    from cudepot.catalog.fields import Table

    return Table({"--max-size": args.max_size}).size("--max-size") or 0 if args.max_size else _LARGE


def _check_size(args: argparse.Namespace, wishes: Wishes | StackWishes | None) -> None:
    """Refuse what is larger than somebody wants."""
    from cudepot.catalog.nvidia.first_pins import Wishes
    from cudepot.workflows.init.init import outlook

    if args.max_size and isinstance(wishes, Wishes) and (over := oversized(outlook(wishes), _limit(args))):
        raise ConfigError(over[0].removeprefix("warning: "), hint="choose fewer releases, or a larger --max-size")


def _from_site(args: argparse.Namespace, base: Path) -> Answer:
    from cudepot.workflows.init.origin import init_from

    with telling("cudepot init: reading the site's key and making the project", quiet=args.quiet):
        result = init_from(
            base,
            args.from_site,
            label=args.label or _LABEL,
            upstream_keys=args.upstream_key,
            unsigned=args.unsigned_upstream,
            dry_run=args.dry_run,
        )
    did = "would make" if args.dry_run else "made"
    lines = [f"{did} {base / name}" for name in result.made]
    lines.append(f"the site's key: {result.key}: compare it with the near side's through another channel")
    lines.append("next: cudepot bundle import FILE..., then cudepot publish")
    return asdict(result), lines, 0
