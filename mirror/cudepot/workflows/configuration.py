"""Reads the text of a cudepot.toml with all kinds of upstreams and sites, and the presets where it names one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import tomli

from cudepot.catalog.config.config import Config, names_presets, parse_config
from cudepot.errors import ConfigError
from cudepot.kinds.registry import parse_upstream, parse_wants
from cudepot.sites.registry import parse_place
from cudepot.stores.registry import parse_store

if TYPE_CHECKING:
    from cudepot.catalog.config.presets import Machine, Preset


NOWHERE = "https://not-configured.invalid/"
"""URL of an upstream of which nothing says where it is."""
Locked: TypeAlias = Callable[[str], str]
"""Gives the URL that an upstream was locked from; empty for none."""


def _unasked(preset: Preset, _: Sequence[Preset]) -> str:
    raise ConfigError(f"preset {preset.name!r} has no `url` here", hint="give `url` as well as `preset`")


def parse_text(text: str, machine: Machine = _unasked, locked: Locked | None = None) -> Config:
    """Return a cudepot.toml as values.

    Args:
        text: of the file.
        machine: gives the URL that this machine is configured for; called where a preset leaves it to the machine.
        locked: says where else that may be. With it, a URL that nothing says is no error before the upstream is asked
            (``Config.unplaced``): most verbs ask none, and cron has another environment than people.

    Raises:
        ConfigError: something in it is wrong; the error names the place.
        ValueError: it is not TOML.
        RecursionError: it is nested too deeply.
    """
    data = tomli.loads(text)
    if names_presets(data):
        from cudepot.catalog.config.presets import expand  # noqa: PLC0415 - every run comes by here
        from cudepot.depot.shipped import load_presets  # noqa: PLC0415

        found = _Places(machine, locked)
        filled = expand(data, load_presets, found.place)
        return replace(
            parse_config(filled, parse_upstream, parse_place, parse_wants, parse_store),
            machine_places=found.places,
            unplaced=found.unplaced,
        )
    return parse_config(data, parse_upstream, parse_place, parse_wants, parse_store)


class _Places:
    """Where presets are that leave it to the machine.

    Attributes:
        places: preset → URL.
        unplaced: upstream → why nothing says it.
    """

    def __init__(self, machine: Machine, locked: Locked | None) -> None:
        self._machine, self._locked = machine, locked
        self.places: dict[str, str] = {}
        self.unplaced: dict[str, ConfigError] = {}

    def place(self, preset: Preset, kin: Sequence[Preset]) -> str:
        """Return the URL of a preset."""
        if preset.name not in self.places:
            try:
                self.places[preset.name] = self._machine(preset, kin)
            except ConfigError as error:
                if self._locked is None:
                    raise
                url = self._locked(preset.upstream)
                if not url:
                    self.unplaced[preset.upstream] = error
                    return NOWHERE
                self.places[preset.name] = url
        return self.places[preset.name]


def parse_again(text: str, config: Config, machine: Machine = _unasked) -> Config:
    """Return a cudepot.toml that was changed since it was ``config``, with the places that this machine had then.

    Args:
        text: of the file.
        config: what it was.
        machine: asked for places that it did not have then.

    Raises:
        ConfigError, ValueError, RecursionError: as :func:`parse_text` does.
    """
    places, unplaced = config.machine_places, config.unplaced

    def place(preset: Preset, kin: Sequence[Preset]) -> str:
        known = places.get(preset.name) or (NOWHERE if preset.upstream in unplaced else "")
        return known or machine(preset, kin)

    return replace(parse_text(text, place), unplaced=unplaced)
