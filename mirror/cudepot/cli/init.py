"""``cudepot init``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.init_stacks import listing, stack_arguments, stack_lines, stack_wishes
from cudepot.cli.output import Answer
from cudepot.cli.progress import size_text
from cudepot.cli.steps import telling

if TYPE_CHECKING:
    from cudepot.catalog.nvidia.first_pins import Wishes
    from cudepot.catalog.nvidia.first_sizes import Expected
    from cudepot.catalog.stacks.chosen import StackWishes

NAME = "init"
HELP = "make a project: cudepot.toml, store and a signing key"
DESCRIPTION = """\
Make a project folder with a commented cudepot.toml, an empty store and, unless you name one of yours, a new OpenPGP
key that signs what this site publishes. In a folder that has a cudepot.toml (a fresh clone, say) it makes what is
missing and leaves the file alone.

With --stack the file mirrors what people mirror together, as environments that machines can install from the site
alone: a GPU node, an HGX node, the packages that the GPU Operator asks for. --list-stacks lists them.
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
        help="with --from-site: a key that may sign an upstream (default: those that presets pin); with "
        "--stack: a key that may sign an upstream whose preset pins none",
    )
    parser.add_argument(
        "--unsigned-upstream",
        action="append",
        default=[],
        metavar="NAME",
        help="with --from-site: an upstream of that site whose repository nobody else signs, a folder of debs say",
    )
    wishes = parser.add_argument_group("what to pin; asked for on a terminal when none of it is given")
    wishes.add_argument(
        "--distribution", action="append", default=[], metavar="NAME", help="ubuntu2004, rhel8/sbsa; may be repeated"
    )
    wishes.add_argument("--cudnn", default="", metavar="VERSION", help="8.0.5.39, or the beginning of a version: 9.1")
    wishes.add_argument("--cuda", default="", metavar="VERSION", help="11.1")
    wishes.add_argument("--repackage", action="store_true", help="make conda packages and wheels too")
    stack_arguments(parser)
    parser.add_argument("--no-input", action="store_true", help="ask nothing")
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be made; make nothing")


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
    return _project(args, base, wishes)


def _project(args: argparse.Namespace, base: Path, wishes: Wishes | StackWishes | None) -> Answer:
    from cudepot.workflows.init.init import init

    with telling("cudepot init: making the project and its key", quiet=args.quiet):
        result = init(base, label=args.label, key=args.key, gnupg=args.gnupg, dry_run=args.dry_run, wishes=wishes)
    did = "would make" if args.dry_run else "made"
    lines = [f"{did} {base / name}" for name in result.made] or ["nothing to make: the project is complete"]
    if result.key:
        lines.append(f"site key: {result.key}")
    if result.key and not result.can_sign and not args.dry_run:
        lines.append("its secret half is not on this machine: lock, sync and repackage work here, publish does not")
    lines += sizes(result.expected)
    lines += stack_lines(wishes)
    if "cudepot.toml" in result.made and not args.dry_run:
        first = "read cudepot.toml" if wishes else "say in cudepot.toml what you want"
        lines.append(f"next: {first}, then cudepot lock (it says how much there is to fetch), sync, repackage, publish")
    return asdict(result), lines, 0


def _given(args: argparse.Namespace) -> bool:
    return bool(args.distribution or args.cudnn or args.cuda or args.repackage)


def _wishes(args: argparse.Namespace) -> Wishes | None:
    """Return what the options say, else what the user answers, else None: a file with nothing but examples."""
    from cudepot.catalog.nvidia.first_pins import Wishes

    if not _given(args):
        quiet = args.no_input or args.quiet or args.json
        if quiet or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        return _asked()
    return Wishes(tuple(args.distribution), args.cudnn, args.cuda, args.repackage)


def _asked() -> Wishes | None:
    """Ask on the terminal; an empty first answer means that the user writes the file.

    What the answers come to is shown; who finds it too much is asked again.
    """
    from cudepot.catalog.nvidia.first_pins import Wishes
    from cudepot.workflows.init.init import outlook

    question = "distributions (ubuntu2004, rhel8/sbsa ...; empty: write cudepot.toml yourself)"
    while names := _answer(question).replace(",", " ").split():
        cudnn, cuda = _answer("cuDNN version (8.0.5.39, or its beginning: 9.1)"), _answer("CUDA version (11.1)")
        both = _answer("conda packages and wheels too? [y/N]").lower() == "y"
        wishes = Wishes(tuple(names), cudnn, cuda, both)
        for line in sizes(outlook(wishes)):
            print(line, file=sys.stderr)  # noqa: T201 - part of the question
        if _answer("write cudepot.toml with these pins? [Y/n]").lower() != "n":
            return wishes
    return None


def sizes(expected: Sequence[Expected]) -> list[str]:
    """Return what is to be fetched, a line for each repository, what is not known included."""
    lines = [_size(name, list(group)) for name, group in groupby(expected, key=lambda one: one.repository)]
    known, unknown = sum(one.bytes for one in expected), sum(not one.bytes for one in expected)
    if known and len(lines) > 1:
        lines.append(f"in all: up to about {size_text(known)}" + (", and what is not known" if unknown else ""))
    if lines:
        lines.append("these are the sizes of NVIDIA's archives of the same releases; cudepot lock says the exact ones")
    return lines


def _size(name: str, releases: Sequence[Expected]) -> str:
    first, last = releases[0], releases[-1]
    if not first.version:
        return f"{name}: size not known: {first.note}"
    told = f"cuDNN {first.version} for CUDA {first.cuda}"
    if len(releases) > 1:
        told = f"{len(releases)} releases, cuDNN {first.version} to {last.version}"
    known, unknown = sum(one.bytes for one in releases), sum(not one.bytes for one in releases)
    if not known:
        return f"{name}: {told}: size not known"
    return f"{name}: {told}: up to about {size_text(known)}" + (f", and {unknown} of unknown size" if unknown else "")


def _answer(question: str) -> str:
    print(f"{question}: ", end="", file=sys.stderr, flush=True)  # noqa: T201 - a question is talk
    return sys.stdin.readline().strip()


def _from_site(args: argparse.Namespace, base: Path) -> Answer:
    from cudepot.workflows.init.origin import init_from

    with telling("cudepot init: reading the site's key and making the project", quiet=args.quiet):
        result = init_from(
            base,
            args.from_site,
            label=args.label,
            upstream_keys=args.upstream_key,
            unsigned=args.unsigned_upstream,
            dry_run=args.dry_run,
        )
    did = "would make" if args.dry_run else "made"
    lines = [f"{did} {base / name}" for name in result.made]
    lines.append(f"the site's key: {result.key}: compare it with the near side's by another way")
    lines.append("next: cudepot bundle import FILE..., then cudepot publish")
    return asdict(result), lines, 0
