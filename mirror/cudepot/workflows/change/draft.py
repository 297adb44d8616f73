"""cudepot.toml on its way to another one: its text, what it says, and what was done to it so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

import tomli

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.edit import set_lists
from cudepot.catalog.config.edit_tables import table_text, with_table
from cudepot.errors import ConfigError
from cudepot.workflows.configuration import parse_again

if TYPE_CHECKING:
    from cudepot.catalog.config.presets import Machine


@dataclass(frozen=True, slots=True)
class Draft:
    """A changed cudepot.toml that has not been written.

    Attributes:
        text, before: as it would be, and as it is.
        config: what the text says.
        machine: gives the URLs that this machine is configured for.
        parts: upstreams and environments that were changed: a lock without them is no success.
        specs: entries that were added.
        notes: what was done, a line each.
    """

    text: str
    before: str
    config: Config
    machine: Machine
    parts: frozenset[str] = frozenset()
    specs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything is different."""
        return self.text != self.before

    @property
    def diff(self) -> tuple[str, ...]:
        """Return the difference, as ``diff -u`` prints it."""
        before, after = self.before.splitlines(), self.text.splitlines()
        return tuple(unified_diff(before, after, "cudepot.toml", "cudepot.toml (new)", lineterm=""))

    def tables(self, kind: str) -> list[dict[str, Any]]:
        """Return the tables of one array as they stand in the text."""
        found: list[dict[str, Any]] = tomli.loads(self.text).get(kind, [])
        return found

    def with_text(self, text: str, *parts: str, note: str = "", specs: Sequence[str] = ()) -> Draft:
        """Return the draft with another text; raise ConfigError where cudepot could not read it."""
        config = parse_again(text, self.config, self.machine)
        notes = (*self.notes, note) if note else self.notes
        return replace(
            self, text=text, config=config, parts=self.parts | set(parts), notes=notes, specs=(*self.specs, *specs)
        )

    def with_table(self, kind: str, values: Mapping[str, Any], *parts: str, specs: Sequence[str] = ()) -> Draft:
        """Return the draft with one more table."""
        shown = table_text(kind, values).rstrip().replace("\n", "; ")
        return self.with_text(with_table(self.text, kind, values), *parts, note=f"added {shown}", specs=specs)

    def with_lists(
        self, kind: str, number: int, lists: Mapping[str, Sequence[str]], *parts: str, note: str, specs: Sequence[str]
    ) -> Draft:
        """Return the draft with lists of one table set to new values."""
        return self.with_text(set_lists(self.text, number, lists, kind=kind), *parts, note=note, specs=specs)


def drafted(text: str, config: Config, machine: Machine) -> Draft:
    """Return the draft of a file that has not been changed yet."""
    return Draft(text, text, config, machine)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to add or remove, as the command line says it.

    Attributes:
        words: an upstream or preset and packages, or packages alone.
        environment: whose packages they are; empty for pins.
        key: of ``[[environment]]`` that lists such packages: ``wheels``; empty where that can be told.
        upstream: keys of an ``[[upstream]]`` beside its preset.
        pin: keys of a ``[[pin]]`` beside its packages.
        target: keys of an ``[[environment]]`` beside its packages.
        origin: upstream or preset that an environment's packages come from; empty for those it has.
        python: of this machine, for a new environment of wheels.
    """

    words: tuple[str, ...]
    environment: str = ""
    key: str = ""
    upstream: Mapping[str, Any] = field(default_factory=dict)
    pin: Mapping[str, Any] = field(default_factory=dict)
    target: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""
    python: str = ""


def unknown_environment(name: str, config: Config) -> ConfigError:
    """Return the error about an environment that is not there."""
    there = ", ".join(one.name for one in config.environments)
    hint = f"there are: {there}" if there else "cudepot.toml has none"
    return ConfigError(f"there is no environment {name!r}", hint=hint)
