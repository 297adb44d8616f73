"""``cudepot samples``."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.cli.common import add_common
from cudepot.cli.context import opened
from cudepot.cli.output import Answer
from cudepot.cli.steps import telling
from cudepot.errors import BuildError, ConfigError

if TYPE_CHECKING:
    from cudepot.catalog.lock import Artifact
    from cudepot.depot.depot import Depot
    from cudepot.workflows.build.samples import Environment, SamplesResult, Wish

_CUDA = "/usr/local/cuda"
NAME = "samples"
HELP = "build NVIDIA's cuDNN samples, natively or for another machine"
DESCRIPTION = """\
Copy the samples (from --from, or the pinned version in a locked package, or /usr/src/cudnn_samples_v*) to a writable
folder and build them against the installed or cross packages, with the variables of NVIDIA's Makefiles. Whatever is
missing on this machine is reported before anything is copied.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    from cudepot.catalog.nvidia.samples import TARGETS

    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    build = actions.add_parser("build", help="copy and build")
    build.add_argument(
        "--target",
        choices=tuple(TARGETS),
        default=os.uname().machine,
        help="machine to build for (default: this one's)",
    )
    build.add_argument("--compiler", default="", metavar="PATH", help="HOST_COMPILER (default: the target's usual)")
    build.add_argument(
        "--cuda", default=os.environ.get("CUDA_PATH") or _CUDA, metavar="DIR", help=f"CUDA_PATH (default: {_CUDA})"
    )
    where = "folder with cuDNN's include and lib (default: where packages put them)"
    build.add_argument("--cudnn", default="", metavar="DIR", help=where)
    build.add_argument("--from", dest="origin", default="", metavar="DIR", help="folder of samples to use")
    build.add_argument(
        "--sample", action="append", default=[], metavar="NAME", help="only this sample; may be repeated"
    )
    build.add_argument(
        "--output", default="cudnn-samples", metavar="DIR", help="output folder (default: cudnn-samples)"
    )
    build.add_argument("-n", "--dry-run", action="store_true", help="only show what would be used and what is missing")
    add_common(build, default=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    if not args.origin and (Path(args.directory) / "cudepot.lock").exists():
        with opened(args, exclusive=False) as depot:
            return _build(args, depot)
    with telling("cudepot samples: at work", quiet=args.quiet):
        return _build(args, None)


def _build(args: argparse.Namespace, depot: Depot | None) -> Answer:
    from cudepot.catalog.nvidia.samples import TARGETS
    from cudepot.workflows.build.samples import Wish, build_samples, look_around

    output = Path(args.directory) / args.output
    compiler = _absolute(args.compiler) if "/" in args.compiler else args.compiler
    cuda, cudnn = _absolute(args.cuda), _absolute(args.cudnn)
    wish = Wish(TARGETS[args.target], compiler, cuda, cudnn, output, os.environ, tuple(args.sample))
    environment = look_around(wish)
    if args.dry_run:
        return _looked(environment)
    return _answer(build_samples(wish, environment, _origin(args, depot, environment), depot), wish)


def _absolute(path: str) -> str:
    """Return a path as it is from anywhere: make runs in the sample's folder."""
    return str(Path(path).absolute()) if path else ""


def _origin(args: argparse.Namespace, depot: Depot | None, environment: Environment) -> Path | Artifact:
    from cudepot.catalog.nvidia.samples import TARGETS
    from cudepot.depot.locked import load_lock
    from cudepot.workflows.build.samples import fitting, installed_samples, pinned_samples

    if args.origin:
        if not Path(args.origin).is_dir():
            raise ConfigError(f"{args.origin}: no such folder", hint="--from names a folder of samples")
        return Path(args.origin)
    locked = pinned_samples(load_lock(depot.lock_path), TARGETS[args.target]) if depot else []
    found: list[Path | Artifact] = [*installed_samples(), *locked]
    if not found:
        raise ConfigError(
            "no samples: none are locked, and none are installed in /usr/src",
            hint="pin libcudnn8-samples (libcudnn9-samples; for 7 libcudnn7-doc), then lock and sync; "
            "or name a folder with --from",
        )
    return fitting(found, environment)


def _looked(environment: Environment) -> Answer:
    lines = [f"{name}={value}" for name, value in environment.variables.items()]
    if environment.hidden:
        lines.append(f"another cuDNN: {environment.hidden}; CUDA_PATH will be a view of the toolkit without it")
    lines += [f"missing: {one}" for one in environment.missing] or ["nothing is missing"]
    return asdict(environment), lines, 3 if environment.missing else 0


def _answer(result: SamplesResult, wish: Wish) -> Answer:
    lines = [f"samples of {result.origin}, built in {wish.output} for {wish.target.name}"]
    for one in result.made:
        lines += [f"{one.name}: built"] if one.built else [f"{one.name}: failed, see {one.log}", one.said]
    lines += [f"executable: {one}" for one in result.executables]
    return asdict(result), lines, 0 if all(one.built for one in result.made) else BuildError.exit_code
