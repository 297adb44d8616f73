"""How lines look where a terminal shows them: four colours, and breaks between words at its width."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

WHEN = ("auto", "always", "never")
"""What ``--color`` takes."""
_RESET = "\x1b[0m"
_ERROR, _HINT, _WARNING, _NAME = "\x1b[1;31m", "\x1b[36m", "\x1b[33m", "\x1b[1m"
_HEADS = {"error": _ERROR, "fault": _ERROR, "hint": _HINT, "note": _WARNING, "warning": _WARNING, "usage": _NAME}
_HEAD = re.compile(rf"^((?i:{'|'.join(_HEADS)}))( E[0-9]{{3}})?:", re.MULTILINE)
_NAMED = re.compile(r"`[^`]+`")
_TITLE = re.compile(r"^[a-z][^\n]*:$", re.MULTILINE)
_WORD = re.compile(r"(?:`[^`]*`|\S)+")
_HANG = "  "


class Speech:
    """How one run speaks.

    Attributes:
        when: one of :data:`WHEN`.
    """

    def __init__(self) -> None:
        self.when = "auto"

    def is_coloured(self, out: TextIO) -> bool:
        """Return whether what is written to a stream has colours."""
        return coloured(self.when, os.environ, is_terminal=is_terminal(out))

    def shown(self, text: str, out: TextIO) -> str:
        """Return lines as they are to be written to a stream: unchanged where neither terminal nor user asks."""
        if columns := width(out):
            text = "\n".join(wrapped(line, columns) for line in text.split("\n"))
        return painted(text) if self.is_coloured(out) else text

    def answered(self, lines: Sequence[str], out: TextIO) -> str:
        """Return a result likewise; only notes and warnings are broken: the rest may be a file to copy."""
        columns = width(out)
        text = "\n".join(wrapped(one, columns) if columns and _HEAD.match(one) else one for one in lines)
        return painted(text) if self.is_coloured(out) else text

    def helped(self, text: str, out: TextIO) -> str:
        """Return a help text likewise: it is broken already, and its titles stand out."""
        if not self.is_coloured(out):
            return text
        return _TITLE.sub(rf"{_NAME}\g<0>{_RESET}", painted(text))

    def tell(self, line: str) -> None:
        """Tell the user a line on standard error."""
        print(self.shown(line, sys.stderr), file=sys.stderr, flush=True)  # noqa: T201 - this is the room that talks


SPEECH = Speech()
"""That of this process."""


def coloured(when: str, environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Return whether there are colours: ``--color`` decides, then NO_COLOR, FORCE_COLOR, and what reads us."""
    if when != "auto":
        return when == "always"
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (is_terminal and environ.get("TERM") != "dumb")


def painted(text: str) -> str:
    """Return text with the first words of errors, hints and warnings, and the names in backticks, in colour."""
    text = _HEAD.sub(lambda found: f"{_HEADS[found[1].lower()]}{found[0]}{_RESET}", text)
    return _NAMED.sub(rf"{_NAME}\g<0>{_RESET}", text)


def wrapped(line: str, columns: int) -> str:
    """Return a line broken between words; tables and what is indented stay, as do URLs and commands that fit."""
    if len(line) <= columns or line[:1] == " " or "  " in line:
        return line
    rows, room = [""], columns - len(_HANG)
    for found in _WORD.findall(line):
        for word in found.split() if len(found) > room else [found]:
            if rows[-1] and len(rows[-1]) + 1 + len(word) > columns - (len(_HANG) if len(rows) > 1 else 0):
                rows.append("")
            rows[-1] += f" {word}" if rows[-1] else word
    return f"\n{_HANG}".join(rows)


def width(out: TextIO) -> int:
    """Return the columns of the terminal that a stream is; 0 where it is none."""
    if not is_terminal(out):
        return 0
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    with contextlib.suppress(OSError, ValueError):
        return os.get_terminal_size(out.fileno()).columns
    return 80


def is_terminal(out: TextIO | None) -> bool:
    """Return whether a stream is a terminal."""
    with contextlib.suppress(ValueError):  # closed
        return out is not None and out.isatty()
    return False
