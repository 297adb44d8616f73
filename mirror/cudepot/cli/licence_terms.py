"""Licence texts before a person: shown in a pager, accepted on the terminal or by the hash that was given."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from cudepot.store.local import LocalStore
    from cudepot.workflows.build.licences import Terms

_SHORTEST = 8  # hex digits of a hash that name a text


def on_terminal(args: argparse.Namespace) -> bool:
    """Return whether there is somebody to ask."""
    return not args.json and sys.stdin.isatty() and sys.stdout.isatty()


def named(terms: Sequence[Terms], given: Iterable[str]) -> list[Terms]:
    """Return the texts that hashes, or their first eight digits or more, name; raise ConfigError where one does not."""
    found = []
    for text in given:
        fitting = [one for one in terms if len(text) >= _SHORTEST and one.digest.sha256.startswith(text.lower())]
        if len(fitting) != 1:
            known = ", ".join(one.digest.sha256 for one in terms) or "none"
            raise ConfigError(f"{text!r} is not the sha256 of any licence text here", hint=f"the texts: {known}")
        found += fitting
    return found


def text_of(store: LocalStore, one: Terms) -> str:
    """Return a licence text as a terminal may show it."""
    text = store.read(one.digest).decode("utf-8", "replace").replace("\r\n", "\n")
    return "".join(sign if sign in "\n\t" or sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def accepted_now(texts: Iterable[tuple[Terms, str]]) -> list[Terms]:
    """Show each text in a pager and ask for it; return those that were accepted."""
    import pydoc

    found = []
    for one, text in texts:
        print(f"The licence of {one.listed} (sha256 {one.digest.sha256}) is shown now.", flush=True)  # noqa: T201
        pydoc.pager(text)
        try:
            answer = input(f"Do you accept the licence of {one.listed}? [y/N] ")
        except EOFError:
            answer = ""
        if answer.strip().lower() in ("y", "yes"):
            found.append(one)
    return found


def existing(path: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    return next(one for one in (path, *path.absolute().parents) if one.is_dir())
