"""Options every verb and action takes."""

from __future__ import annotations

import argparse


def add_common(parser: argparse.ArgumentParser, default: object = None) -> None:
    """Declare what every verb takes, before or after its name (a default after it would undo what stood before)."""
    parser.add_argument("-C", dest="directory", default=default or ".", metavar="DIR", help="folder of cudepot.toml")
    for names, help_text in (
        (("--json",), "print the result as JSON"),
        (("-q", "--quiet"), "no progress, only the result and errors"),
    ):
        parser.add_argument(*names, action="store_true", default=default or False, help=help_text)
