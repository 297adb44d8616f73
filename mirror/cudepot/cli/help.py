"""``cudepot help``."""

from __future__ import annotations

import argparse

from cudepot.cli.output import Answer

NAME = "help"
HELP = "show what a verb does and its options: `cudepot help lock`"
DESCRIPTION = """\
Show the help of a verb, as VERB --help does: `cudepot help lock`, `cudepot help bundle export`. Without a verb, list
all verbs and the exit codes. `cudepot explain` has the manual's pages and the meaning of errors.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    from cudepot.cli.main import VERBS

    parser.add_argument("about", nargs="?", choices=VERBS, metavar="VERB", help="which verb")
    parser.add_argument("action", nargs="?", metavar="ACTION", help="which of its actions, if it has any")


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.cli.main import parser

    words = [one for one in (args.about, args.action) if one]
    found: argparse.ArgumentParser = parser(args.about or "")
    for word in words:
        found = _below(found, word)
    text = found.format_help().rstrip()
    return {"verb": " ".join(words), "help": text}, text.splitlines(), 0


def _below(parser: argparse.ArgumentParser, word: str) -> argparse.ArgumentParser:
    """Return the parser of a verb or action; raise UsageError where there is none of that name."""
    verbs = next((one for one in parser._actions if isinstance(one, argparse._SubParsersAction)), None)
    if verbs is None:
        parser.error(f"it has no actions: {word!r} is not one")
    parser._check_value(verbs, word)
    below: argparse.ArgumentParser = verbs.choices[word]
    return below
