"""What hints name, picked out of their text: commands of cudepot, keys of cudepot.toml, options, other programs."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from tests.hints import FILLED, Hint

from cudepot.cli.main import VERBS

_TICKED = re.compile(r"`([^`\n]+)`")
_BARE = re.compile(rf"(?<![`\w./-])cudepot ((?:{'|'.join(VERBS)})\b[^;,.()`\n]*)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
_PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_]*(\.\.\.)?")
_VALUES = {"N": "1", "VERSION": "9.1", "REASON": "x"}


class Command(NamedTuple):
    """A command of cudepot that a hint names: where, and its words without the first."""

    where: str
    words: tuple[str, ...]

    @property
    def shape(self) -> str:
        """Verb, action and options, without what is different each time."""
        kept = [self.words[0]]
        for one in self.words[1:]:
            kept += [one] if one.startswith("-") or (len(kept) == 1 and one in _ACTIONS.get(kept[0], ())) else []
        return " ".join(kept)


_ACTIONS = {
    "bundle": ("export", "import", "inspect", "missing"),
    "trust": ("list", "add", "expire"),
    "licence": ("list", "show", "accept"),
    "kit": ("requirements",),
    "catalog": ("identify",),
}


def commands(hint: Hint) -> list[Command]:
    """Return the commands of cudepot that a hint names, in backticks or without."""
    ticked = [one.removeprefix("cudepot ") for one in _TICKED.findall(hint.text) if one.startswith("cudepot ")]
    bare = _BARE.findall(_TICKED.sub("", hint.text))
    return [Command(hint.where, words) for one in (*ticked, *map(_without_prose, bare)) if (words := _words(one))]


def _without_prose(text: str) -> str:
    """Return the part of a sentence that is the command: to the first word that no command has."""
    kept = text.split()[:1]
    for word in text.split()[1:]:
        if not (re.search(r"[-A-Z0-9\"%s]" % FILLED, word) or word in _ACTIONS.get(kept[0], ())):  # noqa: UP031
            break
        kept.append(word)
    return " ".join(kept)


def _words(text: str) -> tuple[str, ...]:
    words = shlex.split(text.replace("…", "x"))
    before = ["", *words]
    kept = [one for last, one in zip(before, words, strict=False) if one != FILLED or last.startswith("-")]
    return tuple(map(_filled, kept))


def _filled(word: str) -> str:
    if _PLACEHOLDER.fullmatch(word):
        return _VALUES.get(word.removesuffix("..."), "x")
    return word.replace(FILLED, "1")


def options(hint: Hint) -> set[str]:
    """Return the long options that a hint names, those of other programs left out."""
    own = _TICKED.sub(lambda found: found[0] if found[1].startswith(("cudepot", "--")) else "", hint.text)
    return set(_OPTION.findall(own))


def ticked(hint: Hint) -> list[str]:
    """Return what a hint has in backticks and is no command of cudepot."""
    return [one for one in _TICKED.findall(hint.text) if one.split()[0] != "cudepot" and one.strip(FILLED + " ")]
