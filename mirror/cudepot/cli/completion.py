"""``cudepot completion``."""

from __future__ import annotations

import argparse

from cudepot.cli.output import Answer

NAME = "completion"
HELP = "print the shell completion script"
DESCRIPTION = """\
Print a completion script. bash: `cudepot completion bash > ~/.local/share/bash-completion/completions/cudepot`;
zsh: `cudepot completion zsh > DIR/_cudepot`, where DIR is in $fpath.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("shell", choices=("bash", "zsh"), help="which shell")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    import shtab

    from cudepot.cli.main import parser

    script = shtab.complete(parser(), args.shell)
    return {"shell": args.shell, "script": script}, script.splitlines(), 0
