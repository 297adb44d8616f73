"""Reads a large JSON document value by value, so that no more than one value of it is in memory.

Format: RFC 8259. conda-forge's largest index is 360 MB of JSON: one object with some objects of small values in it.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from cudepot.errors import FormatError
from cudepot.formats.guarded import damaged

VALUE_LIMIT = 4 << 20
"""Characters a value may have that is read whole."""
_PIECE = 1 << 20
_AFTER = frozenset(" \t\r\n,:]}")
"""What may follow a value."""
_SPACE = re.compile(r"[ \t\r\n]*")
_FLAT = re.compile(r'"([^"\\]*)"[ \t\r\n]*:[ \t\r\n]*(\{[^{}\\]*\})[ \t\r\n]*,[ \t\r\n]*')
"""A member that is an object, and not the last; it is cut where a brace is in a string, which leaves a quote open."""


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


_DECODER = json.JSONDecoder(parse_constant=_no_number)


def value_of(text: str, what: str) -> Any:
    """Return a value that :meth:`JsonStream.texts` gave; raise FormatError where it is none."""
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise damaged(what, str(error)) from error


class JsonStream:
    """A JSON document that is being read; what :meth:`members` and :meth:`items` give has to be read in turn."""

    def __init__(self, stream: BinaryIO, what: str) -> None:
        self._stream, self._what = stream, what
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._text, self._at, self._ended = "", 0, False

    def value(self) -> Any:
        """Return the next value whole; raise FormatError where it is none, or too long."""
        self._peek()
        while True:
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise damaged(self._what, "nested too deeply") from error
            except ValueError as error:
                if not self._more():
                    raise damaged(self._what, str(error)) from error
                continue
            if self._text[end : end + 1] in _AFTER or not self._more():  # a number may go on
                self._at = end
                return found

    def members(self) -> Iterator[str]:
        """Give the keys of the next value, an object; each one's value has to be read before the next."""
        yield from self._inside("{", "}")

    def texts(self) -> Iterator[tuple[str, str]]:
        """Give the members of the next value, an object, each with its value as text; :func:`value_of` reads one.

        Objects with neither objects nor escapes in them are not looked into, which is many times as fast: a document
        has hundreds of thousands, and few are wanted.
        """
        self._take("{")
        if self._peek() == "}":
            self._at += 1
            return
        while True:
            while (found := _FLAT.match(self._text, self._at)) and found[2].count('"') % 2 == 0:
                self._at = found.end()
                yield found[1], found[2]
            yield self._key(), self._value_text()
            if self._peek() == "}":
                self._at += 1
                return
            self._take(",")
            self._peek()

    def _value_text(self) -> str:
        self._peek()
        text, start = self._text, self._at
        self.value()
        return self._text[start if self._text is text else 0 : self._at]

    def items(self) -> Iterator[Any]:
        """Give the values of the next value, an array, each whole."""
        for _ in self._inside("[", "]"):
            yield self.value()

    def kind(self) -> str:
        """Return the character that the next value begins with."""
        return self._peek()

    def skip(self) -> None:
        """Read the next value and forget it, whatever its length."""
        kind = self._peek()
        if kind == "{":
            for _ in self.members():
                self.value()
        elif kind == "[":
            for _ in self.items():
                pass
        else:
            self.value()

    def end(self) -> None:
        """Raise FormatError unless the document has come to its end."""
        if self._peek(needed=False):
            raise damaged(self._what, "there is more after its end")

    def _inside(self, opening: str, closing: str) -> Iterator[str]:
        self._take(opening)
        if self._peek() == closing:
            self._at += 1
            return
        while True:
            yield self._key() if opening == "{" else ""
            if self._peek() == closing:
                self._at += 1
                return
            self._take(",")

    def _key(self) -> str:
        if self._peek() != '"':
            raise damaged(self._what, "a key that is no string")
        key = self.value()
        self._take(":")
        return str(key)

    def _take(self, wanted: str) -> None:
        if (found := self._peek()) != wanted:
            raise damaged(self._what, f"{found!r} where {wanted!r} is due")
        self._at += 1

    def _peek(self, *, needed: bool = True) -> str:
        while True:
            space = _SPACE.match(self._text, self._at)
            assert space is not None, "nothing matches as well"
            self._at = space.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                if needed:
                    raise damaged(self._what, "unexpected end")
                return ""

    def _more(self) -> bool:
        """Read on, forgetting what has been read; return whether there was more."""
        if self._ended:
            return False
        kept = self._text[self._at :]
        if len(kept) > VALUE_LIMIT:
            raise FormatError(f"{self._what}: one value of it is longer than {VALUE_LIMIT >> 20} MiB")
        piece = self._stream.read(_PIECE)
        self._ended = not piece
        try:
            self._text, self._at = kept + self._decode(piece, final=self._ended), 0
        except UnicodeDecodeError as error:
            raise damaged(self._what, str(error)) from error
        return not self._ended or len(self._text) > len(kept)
