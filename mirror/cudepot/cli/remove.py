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
Remove packages from cudepot.toml, keeping its comments and layout, and lock the rest at once; it shows what is no
longer needed. A name covers all of its versions. The first word may be the upstream they are pinned from; an upstream
without packages is removed with all its pins. With --environment, remove packages of that environment, or without
packages all of it.

  cudepot remove libnccl2
  cudepot remove ubuntu2204 "libcudnn8=8.9.7.29-*"
  cudepot remove torch --environment train

If the new cudepot.toml cannot be locked, both files are restored.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("words", nargs="*", metavar="WORD", help="an upstream, packages, or both")
    parser.add_argument("-e", "--environment", default="", metavar="NAME", help="remove packages of this environment")
    add_change_options(parser)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    if not (args.words or args.environment):
        raise ConfigError("nothing to remove was given", hint="cudepot remove PACKAGE...")

    def change(draft: Any) -> Any:
        from cudepot.workflows.change.draft import Wanted
        from cudepot.workflows.change.remove import remove

        wanted = Wanted(tuple(args.words), args.environment)
        return remove(draft, wanted, Path(args.directory).resolve())

    return changed(args, change)
