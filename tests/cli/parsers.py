"""The parsers of the command line, as tests look through them: of cudepot, its verbs and their actions."""

from __future__ import annotations

import argparse
from collections.abc import Iterator


def parsers_of(one: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Give a parser and all below it."""
    yield one
    for action in one._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers_of(below)
