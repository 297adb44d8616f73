"""``cudepot completion``, and what answers the shell when somebody presses TAB."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from cudepot.cli.output import Answer

NAME = "completion"
HELP = "print the shell completion script"
SHELLS = ("bash", "zsh", "fish")
DESCRIPTION = """\
Print the script with which a shell completes verbs, options and values: upstreams, environments, snapshots, presets,
licences. The wheel and the deb bring the scripts along; elsewhere write what this prints to

  bash  ~/.local/share/bash-completion/completions/cudepot
  zsh   _cudepot in a folder of $fpath
  fish  ~/.config/fish/completions/cudepot.fish
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("shell", choices=SHELLS, help="which shell")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    text = script(args.shell)
    return {"shell": args.shell, "script": text}, text.splitlines(), 0


def script(shell: str) -> str:
    """Return the script of a shell; it starts ``cudepot`` at each TAB, so it need not be written anew."""
    from argcomplete.shell_integration import shellcode

    return shellcode(["cudepot"], shell=shell).lstrip("\n")


def answer(parser: Callable[[str], argparse.ArgumentParser], verb_of: Callable[[Iterable[str]], str]) -> None:
    """Answer the shell that asks through argcomplete's environment variables, and end the process without a word.

    Args:
        parser: gives the parser of one verb, or of all.
        verb_of: gives the verb that words of a command line name; empty for none.
    """
    try:
        _answer(parser, verb_of)
    except Exception:  # noqa: BLE001 - a shell that completes is no place for errors
        os._exit(0)


def _answer(parser: Callable[[str], argparse.ArgumentParser], verb_of: Callable[[Iterable[str]], str]) -> None:
    import argcomplete
    from argcomplete.lexers import split_line

    from cudepot.cli.completers import attach

    words = split_line(os.environ["COMP_LINE"], int(os.environ["COMP_POINT"]))[3][1:]
    top = parser(verb_of(words))
    attach(top, folder_of(words))
    argcomplete.autocomplete(top, always_complete_options=False)


def folder_of(words: Iterable[str]) -> Path:
    """Return the folder that words of a command line name with -C; argparse has not read them all yet."""
    found, left = ".", iter(words)
    for word in left:
        name, given, value = word.partition("=")
        if word == "-C" or (not given and name == "--directory"):
            found = next(left, found)
        elif given and name == "--directory":
            found = value
    return Path(found).expanduser()
