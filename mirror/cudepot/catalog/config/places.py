"""Where in the text of a TOML file a key and its value are: errors name line and column, which no parser keeps."""

from __future__ import annotations

import re
from typing import NamedTuple

import tomli

_BLANK = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)[ \t]*""")
_VALUE = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")|'
    r"'''.*?'{3,5}(?!')|"
    r'"(?:[^"\\]|\\.)*"|'
    r"'[^']*'|"
    r"[^,\]}#\n]*[^,\]}#\s]",
    re.DOTALL,
)
_NAMED = re.compile(r"(\b(?:in|key) )?'([^'\s]+)'")


class Place(NamedTuple):
    """Where something is: offsets of its key, and of the beginning and end of its value, in characters.

    The offsets of a table are all three those of its header.
    """

    key: int
    start: int
    end: int


class _Reader:
    """Walks over text that is TOML, as a parser has said before; ``places`` has each path as `Table` writes it."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.places: dict[str, Place] = {}
        self._counts: dict[str, int] = {}
        prefix = ""
        while self._skip():
            prefix = self._header() if text[self.at] == "[" else self._pair(prefix)

    def _skip(self) -> bool:
        """Go on to what is neither blank nor comment; return whether there is any."""
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at < len(self.text)

    def _keys(self) -> list[str]:
        keys = []
        while found := _KEY.match(self.text, self.at):
            word = found[0].strip(" \t")
            keys.append(tomli.loads(f"key = {word}")["key"] if word[0] in "'\"" else word)
            self.at = found.end()
            if self.text[self.at] != ".":
                break
            self.at += 1
        return keys

    def _header(self) -> str:
        start, path = self.at, ""
        many = self.text.startswith("[[", start)
        self.at += 1 + many
        *parents, last = self._keys()
        self.at += 1 + many
        for key in parents:
            path = _joined(path, key)
            path += f"[{self._counts[path]}]" if path in self._counts else ""
        path = _joined(path, last)
        if many:
            self.places.setdefault(path, Place(start, start, start))
            self._counts[path] = self._counts.get(path, -1) + 1
            path += f"[{self._counts[path]}]"
        self.places[path] = Place(start, start, start)
        return path

    def _pair(self, prefix: str) -> str:
        start, path = self.at, prefix
        for key in self._keys():
            path = _joined(path, key)
            self.places.setdefault(path, Place(start, start, start))
        self.at += 1
        self._value(path, start)
        return prefix

    def _value(self, path: str, key: int) -> None:
        self._skip()
        start, opening = self.at, self.text[self.at]
        if opening in "[{":
            self.at += 1
            number = 0
            while self._skip() and self.text[self.at] not in "]}":
                if opening == "{":
                    self._pair(path)
                else:
                    self._value(f"{path}[{number}]", self.at)
                number += 1
            self.at += 1
        else:
            found = _VALUE.match(self.text, self.at)
            self.at = found.end() if found else len(self.text)
        self.places[path] = Place(key, start, self.at)


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def places_of(text: str) -> dict[str, Place]:
    """Return path → place of all keys, tables and elements of a text that a parser has found to be TOML."""
    return _Reader(text).places


def line_and_column(text: str, offset: int) -> str:
    """Return an offset as ``14:12``, both from 1 on, as editors count."""
    line, column = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
    return f"{line}:{column}"


def pointed(text: str, message: str) -> str:
    """Return the ``14:12`` of what a message of ``Table`` names in quotes; empty where it names nothing of the text.

    A key that is not known is pointed at itself, others at their value; one that is missing, at its table.
    """
    places = places_of(text)
    for before, path in _NAMED.findall(message):
        if not before and not re.search(r"[\[.]", path):
            continue  # a name or a value
        known = path
        while known and known not in places:
            known = known[: max(known.rfind("."), known.rfind("["), 0)]
        if known:
            place = places[known]
            return line_and_column(text, place.key if before == "key " else place.start)
    return ""
