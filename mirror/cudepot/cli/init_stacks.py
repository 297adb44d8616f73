"""What ``cudepot init`` has for stacks: options, the list of them, and what is said of a project that was made."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from cudepot.cli.output import Answer
from cudepot.cli.project_file import machine_place
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.config.presets import Preset
    from cudepot.catalog.nvidia.first_pins import Wishes
    from cudepot.catalog.stacks.chosen import Chosen, StackWishes


def stack_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of stacks, beside --distribution and --cuda, which they share with pins."""
    stacks = parser.add_argument_group("stacks; with --distribution and, where the stack needs it, --cuda")
    text = "mirror what people mirror together: gpu-node, hgx-node, ai-dev, gpu-operator ...; may be repeated"
    stacks.add_argument("--stack", action="append", default=[], metavar="NAME", help=text)
    stacks.add_argument("--driver", default="", metavar="BRANCH", help="570 (default: the newest)")
    text = "as `uname -r` prints it, 5.15.0-130-generic; may be repeated (default: the newest)"
    stacks.add_argument("--kernel", action="append", default=[], metavar="VERSION", help=text)
    stacks.add_argument("--list-stacks", action="store_true", help="list stacks and distributions; make nothing")


def stack_wishes(args: argparse.Namespace) -> StackWishes:
    """Return what the options say; raise ConfigError for those that stacks have not."""
    from cudepot.catalog.stacks.chosen import StackWishes

    if args.cudnn or args.repackage or args.closed:
        given = "--cudnn" if args.cudnn else "--repackage" if args.repackage else "--closed"
        raise ConfigError(
            f"--stack and {given} exclude each other", hint="`--stack cudnn` mirrors cuDNN; `cudepot add` adds pins"
        )
    return StackWishes(
        tuple(dict.fromkeys(args.stack)),
        tuple(args.distribution),
        args.cuda[0] if args.cuda else "",
        args.driver,
        tuple(dict.fromkeys(args.kernel)),
        tuple(args.upstream_key),
        tuple(dict.fromkeys(args.cuda[1:])),
    )


def listing() -> Answer:
    """Return all stacks with what they are made of and need, and the distributions."""
    from cudepot.depot.shipped import load_presets, load_stacks

    stacks, distributions = load_stacks().by_name, load_presets().distributions
    lines = []
    for one in stacks.values():
        made = f"; made of {', '.join(one.parts)}" if one.parts else ""
        needs = f"; needs {', '.join(f'--{option}' for option in one.needs)}" if one.needs else ""
        lines.append(f"{one.name:24} {one.title}{made}{needs}")
    lines += [f"distribution {one.name:11} {one.title}" for one in distributions.values()]
    told = [{"name": one.name, "title": one.title, "parts": one.parts, "needs": one.needs} for one in stacks.values()]
    return {"stacks": told, "distributions": [one._asdict() for one in distributions.values()]}, lines, 0


def stack_lines(wishes: Wishes | StackWishes | None) -> list[str]:
    """Return what is said of a project of stacks: each environment with its packages, and what is to be known."""
    from cudepot.catalog.stacks.chosen import StackWishes
    from cudepot.workflows.init.stacks import stacked

    if not isinstance(wishes, StackWishes):
        return []
    found = stacked(wishes)
    lines = [
        f"environment {name}: {one.target.distribution.title}, {one.target.architecture}: "
        f"{sum(map(len, one.packages.values()))} packages requested, {len(one.presets)} upstreams"
        for name, one in found.environments.items()
    ]
    return lines + [f"note: {one}" for one in (*found.notes, *_homeless(found.environments.values()))]


def _homeless(every: Collection[Chosen]) -> Iterator[str]:
    """Give a line for the presets that this machine is to say the place of, and cannot."""
    from cudepot.depot.shipped import load_presets

    presets = load_presets().repositories
    for vendor in dict.fromkeys(presets[name].vendor for one in every for name in one.presets if not presets[name].url):
        kin = [one for one in presets.values() if one.vendor == vendor]
        mine = [presets[name] for one in every for name in one.presets if presets[name].vendor == vendor]
        if lacking := dict.fromkeys(one.name for one in mine if not _has_place(one, kin)):
            yield f"this machine's apt does not read {', '.join(lacking)}: give `url` for each in cudepot.toml"


def _has_place(preset: Preset, kin: Sequence[Preset]) -> bool:
    try:
        return bool(machine_place(preset, kin))
    except ConfigError:
        return False
