"""How a command line is read: help for the width of the terminal, and what may have been meant by a misspelled word."""

from __future__ import annotations

import argparse
import itertools
import sys
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from cudepot.cli.speech import SPEECH
from cudepot.errors import UsageError

_FEW = 8
"""Choices that are listed rather than the nearest of them."""


class HelpFormatter(argparse.HelpFormatter):
    """Wraps descriptions; argparse itself wraps either all of them, examples and tables too, or none."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled: list[str] = []
        for kept, group in itertools.groupby(text.splitlines(), key=lambda line: not line or line.startswith(" ")):
            lines = list(group)
            filled += lines if kept else textwrap.wrap(" ".join(lines), width)
        return "\n".join(f"{indent}{line}".rstrip() for line in filled)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


class Parser(argparse.ArgumentParser):
    """A parser that answers a misspelt verb or option with the nearest one, and with the usage of the verb at hand.

    argparse itself leaves an option that a verb does not know to the whole command's usage, and answers a wrong verb
    with all of them in one line.
    """

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.color = False  # Python 3.14 has colours of its own
        self._is_mixing = False

    groups: Mapping[str, Sequence[str]] = {}
    """Title → verbs shown below it; empty for one list of all."""

    def format_help(self) -> str:
        """Return the help, the verbs in their groups."""
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        for title, text, actions in self._sections():
            formatter.start_section(title)
            formatter.add_text(text)
            formatter.add_arguments(actions)
            formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def _sections(self) -> Iterator[tuple[str | None, str | None, list[argparse.Action]]]:
        for group in self._action_groups:
            verbs = [one for one in group._group_actions if isinstance(one, argparse._SubParsersAction)]
            if not self.groups or not verbs:
                yield group.title, group.description, group._group_actions
                continue
            for title, names in self.groups.items():
                yield title, None, [one for one in verbs[0]._choices_actions if one.dest in names]

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse; raise UsageError for the first word that is not known.

        Words may also be behind options, and behind ``--``, which ends the options: argparse itself takes all words
        where the first ones are.
        """
        found, strange = super().parse_known_args(args, namespace)
        if not strange or self._is_mixing:
            return found, strange
        if self._subparsers is None:
            found, strange = self._mixed(args)
        self._refuse(strange)
        return found, []

    def _mixed(self, args: Any) -> tuple[Any, list[str]]:
        self._is_mixing = True
        try:
            return self.parse_known_intermixed_args(args)
        finally:
            self._is_mixing = False

    def _refuse(self, strange: Sequence[str]) -> None:
        """Refuse the first of words that are left over; ``--`` alone says nothing."""
        word = next((one for one in strange if one != "--"), "")
        option = word.split("=", 1)[0]
        if option.startswith("-") and strange[0] != "--":
            long = [name for name in self._option_string_actions if name.startswith("--")]
            self._end(f"unknown option {option}", nearest(option, long) or f"`{self.prog} --help` lists the options")
        if word:
            self._end(f"unexpected argument {word!r}", f"`{self.prog} --help` shows the usage")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        names = [str(one) for one in action.choices]
        if isinstance(action, argparse._SubParsersAction):
            what = str(action.metavar or "verb").lower()
            near = nearest(str(value), names)
            self._end(f"unknown {what} {value!r}", near or f"`{self.prog} --help` lists them")
        option = "/".join(action.option_strings) or action.metavar or action.dest
        known = f"it is one of {', '.join(names)}"
        near = nearest(str(value), names) if len(names) > _FEW else ""
        self._end(f"{option} cannot be {value!r}", near or known)

    def _end(self, message: str, hint: str) -> NoReturn:
        raise UsageError(message, hint=hint, usage=self.format_usage())

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        self._end(message, f"`{self.prog} --help` shows the usage")

    def print_help(self, file: Any = None) -> None:
        """Print the help, its titles in colour on a terminal."""
        out = file or sys.stdout
        out.write(SPEECH.helped(self.format_help(), out))


def nearest(word: str, names: Collection[str]) -> str:
    """Return "did you mean …?" with the names nearest to a word; empty where none is near."""
    import difflib

    near = difflib.get_close_matches(word, sorted(names), 3, 0.6)
    return f"did you mean {' or '.join(near)}?" if near else ""
