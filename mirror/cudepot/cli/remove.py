"""``cudepot remove``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cudepot.cli.change import add_change_options, changed
from cudepot.cli.output import Answer
from cudepot.errors import ConfigError

NAME = "remove"
HELP = "remove packages, environments and upstreams from cudepot.toml, and lock the rest"
DESCRIPTION = """\
Take packages out of cudepot.toml, whose comments and layout stay, and lock the rest at once: it is said what is no
longer needed. A name stands for all of its versions. The first word may be the upstream they are pinned of; an upstream
alone is removed with all its pins. With --environment packages of that environment are meant, or without packages all
of it.

  cudepot remove libnccl2
  cudepot remove ubuntu2204 "libcudnn8=8.9.7.29-*"
  cudepot remove torch --environment train

If the new cudepot.toml cannot be locked, both files are put back as they were.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("words", nargs="*", metavar="WORD", help="an upstream, packages, or both")
    parser.add_argument("-e", "--environment", default="", metavar="NAME", help="whose packages are meant")
    add_change_options(parser)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    if not (args.words or args.environment):
        raise ConfigError("nothing is named that could be removed", hint="cudepot remove PACKAGE...")

    def change(draft: Any) -> Any:
        from cudepot.workflows.change.draft import Wanted
        from cudepot.workflows.change.remove import remove

        wanted = Wanted(tuple(args.words), args.environment)
        return remove(draft, wanted, Path(args.directory).resolve())

    return changed(args, change)
