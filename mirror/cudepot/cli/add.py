"""``cudepot add``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cudepot.catalog.ecosystems import Ecosystem, Output
from cudepot.cli.change import add_change_options, changed
from cudepot.cli.output import Answer
from cudepot.errors import ConfigError

if TYPE_CHECKING:
    from cudepot.workflows.change.draft import Wanted

NAME = "add"
HELP = "add packages, environments and upstreams to cudepot.toml, and lock them"
DESCRIPTION = """\
Add packages to cudepot.toml, keeping its comments and layout, and lock them at once. Without --environment the first
word is where they come from: an upstream in cudepot.toml, a preset (`cudepot upstreams` lists them; ubuntu2204 is
short for nvidia/ubuntu2204/x86_64), or a folder of downloads. It is added if it is missing; without packages, only
the upstream is added.

  cudepot add ubuntu2204 libcudnn9-cuda-12 libnccl2 --cuda 12
  cudepot add rhel9 "libcudnn9-cuda-12-9.12.0.46-*" --repackage
  cudepot add pypi nvidia-cudnn-cu13==9.12.0.46 --recipe cudnn
  cudepot add torch==2.9.1 --environment train --from pytorch/cu130
  cudepot add gcc make --environment node --distribution debian12

With --environment they are locked with all their dependencies. The environment is created if it is missing, with the
upstreams it needs; --wheels, --conda, --deb or --rpm says what the packages are if that is not clear. If the new
cudepot.toml cannot be locked, both files are restored.
"""
_SORTS = ("wheels", str(Ecosystem.CONDA), "deb", "rpm")
_FOR_ENVIRONMENTS = ("python", "distribution", "base", "origin", "sort")
_FOR_PINS = ("recipe", "repackage", "output")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    text = "an upstream, preset or folder, then packages from it; with --environment only packages"
    parser.add_argument("words", nargs="+", metavar="WORD", help=text)
    parser.add_argument("--cuda", default="", metavar="VERSION", help="CUDA variant of the packages: 12, 12.6")
    parser.add_argument("--platform", action="append", default=[], metavar="NAME", help="linux-64; may be repeated")
    parser.add_argument("--architecture", action="append", default=[], metavar="NAME", help="amd64; may be repeated")
    _pins(parser.add_argument_group("pins"))
    _environments(parser.add_argument_group("environments"))
    _upstreams(parser.add_argument_group("a new upstream"))
    add_change_options(parser)


def _pins(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--recipe", default="", metavar="NAME", help="recipe that repackages them: cudnn")
    group.add_argument("--repackage", action="store_true", help="recipe cudnn: also conda packages and a wheel")
    text = "what to publish: mirror, conda, wheel, cuda-wheel, static; may be repeated"
    group.add_argument("--output", action="append", default=[], metavar="WHAT", help=text)


def _environments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-e", "--environment", default="", metavar="NAME", help="the environment that gets them")
    group.add_argument("--python", action="append", default=[], metavar="VERSION", help="3.12; may be repeated")
    group.add_argument("--distribution", default="", metavar="NAME", help="for debs and rpms: ubuntu2204, rocky9")
    group.add_argument(
        "--base", default="", metavar="BASE", help="what machines already have: none, minbase, file:NAME"
    )
    text = "the upstream or preset they come from: pytorch/cu130"
    group.add_argument("--from", dest="origin", default="", metavar="UPSTREAM", help=text)
    sorts = group.add_mutually_exclusive_group()
    for one in _SORTS:
        text = f"they are {one if one.endswith('s') else f'{one} packages'}"
        sorts.add_argument(f"--{one}", dest="sort", action="store_const", const=one, default="", help=text)


def _upstreams(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--name", default="", help="name of the upstream here")
    group.add_argument("--type", default="", metavar="TYPE", help="type, without a preset: apt, yum, simple, conda ...")
    group.add_argument("--url", default="", help="its address, if not the preset's")
    group.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="FINGERPRINT",
        help="fingerprint of a key that may sign it; may be repeated",
    )
    group.add_argument(
        "--keyring", action="append", default=[], type=Path, metavar="FILE", help="file with the public key"
    )
    group.add_argument("--suite", action="append", default=[], metavar="NAME", help="for an apt repository with dists/")
    group.add_argument("--component", action="append", default=[], metavar="NAME", help="likewise: main")
    group.add_argument("--whole", action="store_true", help="mirror all of it, as its upstream signed it")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    _check(args)

    def change(draft: Any) -> Any:
        from cudepot.workflows.change.add import add

        return add(draft, _wanted(args), Path(args.directory).resolve())

    return changed(args, change)


def _check(args: argparse.Namespace) -> None:
    """Refuse options that say nothing about what is added."""
    hint = "packages of an environment are published as they are"
    if not args.environment:
        hint = "choose one with --environment NAME"
    for name in _FOR_PINS if args.environment else _FOR_ENVIRONMENTS:
        if getattr(args, name):
            option = {"origin": "from", "sort": args.sort}.get(name, name)
            where = "with" if args.environment else "without"
            raise ConfigError(f"--{option} {where} --environment", hint=hint)


def _wanted(args: argparse.Namespace) -> Wanted:
    from cudepot.workflows.change.draft import Wanted

    return Wanted(
        words=tuple(args.words),
        environment=args.environment,
        key=args.sort,
        upstream=_given(
            name=args.name,
            type=args.type,
            url=args.url,
            keys=args.key,
            keyrings=_files(args),
            suites=args.suite,
            components=args.component,
            whole=args.whole,
        ),
        pin=_pin(args),
        target=_given(
            platforms=args.platform,
            python=args.python,
            cuda=args.cuda,
            distribution=args.distribution,
            architectures=args.architecture,
            base=args.base,
        ),
        origin=args.origin,
        python=".".join(map(str, sys.version_info[:2])),
    )


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _pin(args: argparse.Namespace) -> dict[str, Any]:
    recipe = args.recipe or ("cudnn" if args.repackage else "")
    outputs = args.output or (
        [str(one) for one in (Output.MIRROR, Output.CONDA, Output.WHEEL)] if args.repackage else []
    )
    return _given(
        cuda=args.cuda, recipe=recipe, outputs=outputs, architectures=args.architecture, subdirs=args.platform
    )


def _files(args: argparse.Namespace) -> list[str]:
    """Return key files as cudepot.toml has them; raise ConfigError where one is not there."""
    from cudepot.workflows.change.upstreams import below

    base = Path(args.directory).resolve()
    for one in args.keyring:
        if not one.is_file():
            raise ConfigError(f"{one}: no such file", hint="--keyring takes a file with a public key")
    return [below(one, base) for one in args.keyring]
