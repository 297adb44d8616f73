"""The manual pages of cudepot and its verbs, made of the parsers: roff with the macros of man(7)."""

from __future__ import annotations

import argparse
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cudepot import __version__
from cudepot.cli.parsing import Parser

SECTION = 1
_CODE = re.compile(r"`([^`]+)`")
_FILES = """\
cudepot.toml  what is wanted, and from where; `cudepot explain formats` has every key
cudepot.lock  what that came to, every artifact by sha256
store/  objects, snapshots and evidence
site/current/  what clients see
"""
_COMMON = r"Options of every verb (\-C, \-\-json, \-q and others) are in \fBcudepot\fR(1)."


def pages(top: Parser, codes: str) -> Mapping[str, bytes]:
    """Return all pages by file name: ``cudepot.1``, and ``cudepot-VERB.1`` for each verb.

    Args:
        top: the parser of the whole command line.
        codes: the table of exit codes, as the help has it.
    """
    verbs = _actions(top).choices
    helps = {one.dest: one.help or "" for one in _actions(top)._choices_actions}
    found = {"cudepot": _overview(top, helps, codes)}
    common = frozenset(top._option_string_actions)
    found |= {f"cudepot-{name}": _verb(name, helps[name], one, common) for name, one in verbs.items()}
    return {f"{name}.{SECTION}": ("\n".join(lines) + "\n").encode() for name, lines in found.items()}


def _actions(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    return next(one for one in parser._actions if isinstance(one, argparse._SubParsersAction))


def _overview(top: Parser, helps: Mapping[str, str], codes: str) -> Iterator[str]:
    about = (top.description or "").rstrip(".")
    yield from _head("cudepot", about[:1].lower() + about[1:])
    yield from _synopsis(top)
    yield from [".SH DESCRIPTION", *_text(top.description or "")]
    for title, names in top.groups.items():
        yield f".SS {_plain(title.capitalize())}"
        for name in names:
            yield from [".TP", rf"\fBcudepot-{_plain(name)}\fR(1)", _marked(helps[name])]
    yield from [".SH OPTIONS", "Every verb takes these, before or after its name.", *_options(top, frozenset())]
    yield from [".SH EXIT STATUS", ".nf", *map(_line, codes.splitlines()[1:]), ".fi"]
    yield ".SH FILES"
    for line in _FILES.splitlines():
        path, _, what = line.partition("  ")
        yield from [".TP", rf"\fI{_plain(path)}\fR", _marked(what)]
    yield from [".SH SEE ALSO", "The manual comes with cudepot: " + _marked("`cudepot explain` lists its pages.")]


def _verb(name: str, help_text: str, parser: argparse.ArgumentParser, common: frozenset[str]) -> Iterator[str]:
    """Give the page of a verb; options that all verbs have, which ``common`` names, are left to the overview."""
    yield from _head(f"cudepot-{name}", help_text)
    yield from _synopsis(parser)
    yield from [".SH DESCRIPTION", *_text(parser.description or help_text)]
    yield from [".SH OPTIONS", *_options(parser, common), ".PP", _COMMON]
    actions = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if actions:
        yield ".SH ACTIONS"
    for action in actions:
        helps = {one.dest: one.help or "" for one in action._choices_actions}
        for called, below in action.choices.items():
            yield from [f".SS {_plain(f'{name} {called}')}", *_text(below.description or helps.get(called, ""))]
            yield from _options(below, common)
    yield from [".SH SEE ALSO", r"\fBcudepot\fR(1), which has the exit codes"]


def _head(name: str, about: str) -> list[str]:
    title = f'.TH "{_plain(name.upper())}" "{SECTION}" "" "cudepot {__version__}" "cudepot"'
    return [title, ".SH NAME", rf"{_plain(name)} \- {_marked(about)}"]


def _synopsis(parser: argparse.ArgumentParser) -> list[str]:
    words = " ".join(parser.format_usage().split()).removeprefix("usage: ")
    rest = words.removeprefix(parser.prog)
    return [".SH SYNOPSIS", ".nh", ".ad l", rf"\fB{_plain(parser.prog)}\fR{_plain(rest)}", ".ad b", ".hy"]


def _options(parser: argparse.ArgumentParser, common: frozenset[str]) -> Iterator[str]:
    """Give what a parser takes, by its groups; the actions below it, which have a place of their own, not."""
    for group in parser._action_groups:
        mine = [one for one in group._group_actions if not isinstance(one, argparse._SubParsersAction)]
        mine = [one for one in mine if not common.intersection(one.option_strings)]
        if mine and group.title not in ("options", "positional arguments"):
            yield from [".PP", _marked(f"{(group.title or '').capitalize()}:")]
        for one in mine:
            if one.help != argparse.SUPPRESS:
                yield from [".TP", _invocation(parser, one), _marked(_help(parser, one))]


def _invocation(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = parser._get_formatter()
    if not action.option_strings:
        return rf"\fI{_plain(formatter._format_args(action, str(action.metavar or action.dest)))}\fR"
    value = "" if action.nargs == 0 else formatter._format_args(action, action.dest.upper())
    names = ", ".join(rf"\fB{_plain(one)}\fR" for one in action.option_strings)
    return f"{names} \\fI{_plain(value)}\\fR" if value else names


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return parser._get_formatter()._expand_help(action) if action.help else ""


def _text(text: str) -> Iterator[str]:
    """Give paragraphs; lines that begin with a space stay as they are."""
    for empty, group in itertools.groupby(text.strip("\n").splitlines(), key=lambda line: not line.strip()):
        if empty:
            continue
        yield ".PP"
        yield from _block(group)


def _block(lines: Iterable[str]) -> Iterator[str]:
    for kept, group in itertools.groupby(lines, key=lambda line: line.startswith(" ")):
        found: Sequence[str] = list(group)
        yield from [".nf", *map(_line, found), ".fi"] if kept else [_marked(" ".join(found))]


def _line(text: str) -> str:
    """Return a line that stays as it is: roff would take a leading dot or quote for a request."""
    return rf"\&{_plain(text)}" if text[:1] in ".'" else _plain(text)


def _marked(text: str) -> str:
    """Return a paragraph, `code` in bold."""
    return _CODE.sub(r"\\fB\1\\fR", _line(" ".join(text.split())))


def _plain(text: str) -> str:
    return text.replace("\\", r"\e").replace("-", r"\-").replace("~", r"\(ti").replace("^", r"\(ha")
