"""Stacks that come with cudepot: ``channel-config/stacks/*.toml`` as values. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from cudepot.catalog.ecosystems import repositories
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError

VERSION = 1
OPTIONS = ("cuda", "driver", "kernel")
"""What may be said of a stack on the command line."""


class Row(NamedTuple):
    """Packages of a stack, and where they count.

    Attributes:
        names: of packages, with words in braces.
        presets: that they come from beside the distribution's own, with words in braces.
        type: of the distribution; empty for any.
        distributions: globs over names; empty for all.
        given, missing: options that have to be said, or not.
        driver_from, driver_to: branches, both included; 0 for no end.
        note: what the file that is written says of them.
    """

    names: tuple[str, ...]
    presets: tuple[str, ...]
    type: str
    distributions: tuple[str, ...]
    given: tuple[str, ...]
    missing: tuple[str, ...]
    driver_from: int
    driver_to: int
    note: str


class Stack(NamedTuple):
    """One stack: its own rows, the stacks it is made of, and the options it is refused without."""

    name: str
    title: str
    parts: tuple[str, ...]
    needs: tuple[str, ...]
    rows: tuple[Row, ...]


class Stacks(NamedTuple):
    """All stacks by name, driver branches that are known, and CUDA major → the oldest driver branch for it."""

    by_name: Mapping[str, Stack]
    drivers: tuple[int, ...]
    oldest: Mapping[int, int]

    def get(self, name: str) -> Stack:
        """Return a stack; raise ConfigError that names similar ones."""
        if name in self.by_name:
            return self.by_name[name]
        near = difflib.get_close_matches(name, self.by_name, 3, 0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise ConfigError(f"there is no stack {name!r}", hint=f"{hint}`cudepot init --list-stacks` lists them")

    def parts(self, name: str) -> Iterator[Stack]:
        """Give a stack and those it is made of, each part before what is made of it."""
        stack = self.get(name)
        for part in stack.parts:
            yield from self.parts(part)
        yield stack


def parse_stacks(documents: Iterable[Mapping[str, object]]) -> Stacks:
    """Return the stacks of parsed TOML documents; raise ConfigError that names the place of the first fault."""
    found: dict[str, Stack] = {}
    drivers: list[int] = []
    oldest: dict[int, int] = {}
    for document in documents:
        root = Table(document)
        if root.integer("version") != VERSION:
            raise ConfigError(f"stacks have version {root.integer('version')}; this cudepot reads {VERSION}")
        drivers += [one for one in root.value_or("drivers", ()) if isinstance(one, int)]  # type: ignore[attr-defined]
        for table in root.tables("oldest-driver"):
            oldest[table.integer("cuda")] = table.integer("driver")
            table.done()
        found |= {one.name: one for one in map(_stack, root.tables("stack"))}
        root.done()
    stacks = Stacks(found, tuple(drivers), oldest)
    for one in found.values():
        _check(one, stacks)
    return stacks


def _check(one: Stack, stacks: Stacks) -> None:
    if one.name in [part.name for part in _below(one, stacks, ())]:
        raise ConfigError(f"stack {one.name!r} includes itself")
    said = (*one.needs, *(option for row in one.rows for option in (*row.given, *row.missing)))
    if strange := [option for option in said if option not in OPTIONS]:
        raise ConfigError(f"stack {one.name!r} asks for {strange[0]!r}, which is not one of {', '.join(OPTIONS)}")


def _below(one: Stack, stacks: Stacks, above: tuple[str, ...]) -> Iterator[Stack]:
    for name in one.parts:
        part = stacks.get(name)
        yield part
        if name not in above:
            yield from _below(part, stacks, (*above, name))


def _stack(table: Table) -> Stack:
    rows = tuple(map(_row, table.tables("row")))
    found = Stack(table.text("name"), table.text("title"), table.texts("parts", ()), table.texts("needs", ()), rows)
    table.done()
    return found


def _row(table: Table) -> Row:
    kinds = tuple(one.name for one in repositories())
    found = Row(
        table.texts("names"),
        table.texts("presets", ()),
        table.choice("type", kinds, "") if table.has("type") else "",
        table.texts("distributions", ()),
        table.texts("given", ()),
        table.texts("missing", ()),
        table.integer("driver-from", 0),
        table.integer("driver-to", 0),
        table.text("note", ""),
    )
    table.done()
    return found
