"""A ``conda`` where there is none: the commands of docs/conda-offline.md, done by py-rattler, below ``./envs``.

The arguments are conda's own; any other is refused. Channels are asked with strict priority.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

import conda_child
import yaml

PLATFORM = "linux-64"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("conda")
    parser.add_argument("-n", required=True, dest="name")
    parser.add_argument("--override-channels", action="store_true")
    parser.add_argument("-c", action="append", default=[], dest="channels")
    parser.add_argument("--file", type=Path)
    parser.add_argument("specs", nargs="*")
    return parser


def _run(name: str, program: str, *rest: str) -> None:
    """Run what an environment has for Python with the Python of this machine."""
    prefix = Path("envs").absolute() / name
    assert (prefix / "bin" / program).is_file(), f"the environment has no {program}"
    packages = str(next(prefix.glob("lib/python3*/site-packages")))
    os.execve(sys.executable, [program, *rest], {**os.environ, "PYTHONPATH": packages})


def main() -> None:
    """Do what the arguments say."""
    if sys.argv[1] == "run":
        assert sys.argv[2] == "-n"
        _run(*sys.argv[3:])
    verb, rest = ("env create", sys.argv[3:]) if sys.argv[1] == "env" else (sys.argv[1], sys.argv[2:])
    args = _parser().parse_args(rest)
    prefix = Path("envs") / args.name
    job = {"platform": PLATFORM, "cache": str(prefix.with_suffix(".cache")), "prefix": str(prefix)}
    if verb == "create" and args.file:
        found = asyncio.run(conda_child.unlock({**job, "lock": str(args.file), "mirrors": {}}))
    elif verb == "create":
        assert args.override_channels, "this machine has no other channels"
        found = asyncio.run(conda_child.create({**job, "channels": args.channels, "specs": args.specs}))
    else:
        assert verb == "env create", verb
        told = yaml.safe_load(args.file.read_text())
        found = asyncio.run(conda_child.create({**job, "channels": told["channels"], "specs": told["dependencies"]}))
    print("\n".join(sorted(f"{one['name']} {one['version']} {one['build']}" for one in found)), flush=True)
    os._exit(0)  # as conda_child does


if __name__ == "__main__":
    main()
