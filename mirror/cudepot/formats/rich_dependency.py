"""Rich dependencies of rpm, ``(foo if bar)``: which plain capabilities they speak of, and what they need of them.

Source: rpm's ``docs/manual/boolean_dependencies.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cudepot.errors import FormatError

_WORDS = ("and", "or", "if", "unless", "else", "with", "without")
_COMPARES = ("=", "<", ">", "<=", ">=")


@dataclass(frozen=True, slots=True)
class Rich:
    """Parts joined by one word; ``(a if b else c)`` has three.

    A part is a capability, ``foo`` or ``foo >= 2``, or a Rich.
    """

    word: str
    parts: tuple[str | Rich, ...]

    def __str__(self) -> str:
        words = [self.word, "else"] if self.word in ("if", "unless") else [self.word] * len(self.parts)
        text = str(self.parts[0]) if self.parts else ""
        for word, part in zip(words, self.parts[1:], strict=False):
            text += f" {word} {part}"
        return f"({text})"

    def leaves(self) -> Iterator[str]:
        """Give the capabilities it speaks of, ``foo`` or ``foo >= 2``."""
        for one in self.parts:
            yield from one.leaves() if isinstance(one, Rich) else (one,)

    def settled(self, offered: Callable[[str], bool]) -> Rich | str:
        """Return it without conditions on what is not ``offered``: a machine may have that, so they count as met."""
        if self.word == "if" and len(self.parts) > 1 and _lacking(self.parts[1], offered):
            return _settled(self.parts[0], offered)
        return Rich(self.word, tuple(_settled(one, offered) for one in self.parts))

    def lacking(self, offered: Callable[[str], bool]) -> set[str]:
        """Return the capabilities that have to come from elsewhere for this to hold; ``offered`` is asked for names.

        Conditions need nothing. Of alternatives, one that is offered is enough.
        """
        each = [_lacking(one, offered) for one in self.parts]
        if self.word == "or" and any(not one for one in each):
            return set()
        if self.word in ("if", "unless", "without"):
            return each[0].union(*each[2:])
        return set().union(*each)


def _settled(part: str | Rich, offered: Callable[[str], bool]) -> str | Rich:
    return part.settled(offered) if isinstance(part, Rich) else part


def _lacking(part: str | Rich, offered: Callable[[str], bool]) -> set[str]:
    if isinstance(part, Rich):
        return part.lacking(offered)
    return set() if offered(part.partition(" ")[0]) else {part}


def parse_rich(text: str) -> Rich:
    """Return a rich dependency; raise FormatError when it is malformed."""
    tokens = _tokens(text)
    try:
        found = _group(tokens) if next(tokens) == "(" else None
    except (StopIteration, IndexError, RecursionError):
        found = None
    if found is None or next(tokens, None) is not None:
        raise FormatError(f"not a rich dependency: {text[:120]!r}")
    return found


def _tokens(text: str) -> Iterator[str]:
    """Give brackets and words; brackets inside a name, ``libc.so.6()(64bit)``, belong to it."""
    for word in text.split():
        name = word.lstrip("(")
        yield from "(" * (len(word) - len(name))
        closing = 0
        while name.endswith(")") and name.count(")") > name.count("("):
            name, closing = name[:-1], closing + 1
        if name:
            yield name
        yield from ")" * closing


def _group(tokens: Iterator[str]) -> Rich:
    """Return what stands up to the bracket that closes; the one that opens has been taken."""
    word, parts = "and", list[str | Rich]()
    while (term := next(tokens)) != ")":
        if term == "(":
            parts.append(_group(tokens))
        elif term in _COMPARES:
            parts.append(f"{parts.pop()} {term} {next(tokens)}")
        elif term not in _WORDS:
            parts.append(term)
        elif term != "else":
            word = term
    return Rich(word, tuple(parts))
