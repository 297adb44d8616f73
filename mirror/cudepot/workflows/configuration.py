"""Reads the text of a cudepot.toml with all kinds of upstreams and sites, and the presets where it names one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import tomli

from cudepot.catalog.config.config import Config, names_presets, parse_config
from cudepot.errors import ConfigError
from cudepot.kinds.registry import parse_upstream, parse_wants
from cudepot.sites.registry import parse_place
from cudepot.stores.registry import parse_store

if TYPE_CHECKING:
    from cudepot.catalog.config.presets import Machine, Preset


def _unasked(preset: Preset, _: Sequence[Preset]) -> str:
    raise ConfigError(f"preset {preset.name!r} has no `url` here", hint="give `url` as well as `preset`")


def parse_text(text: str, machine: Machine = _unasked) -> Config:
    """Return a cudepot.toml as values.

    Args:
        text: of the file.
        machine: gives the URL that this machine is configured for; called where a preset leaves it to the machine.

    Raises:
        ConfigError: something in it is wrong; the error names the place.
        ValueError: it is not TOML.
        RecursionError: it is nested too deeply.
    """
    data = tomli.loads(text)
    if names_presets(data):
        from cudepot.catalog.config.presets import expand  # noqa: PLC0415 - every run comes by here
        from cudepot.depot.shipped import load_presets  # noqa: PLC0415

        places: dict[str, str] = {}

        def place(preset: Preset, kin: Sequence[Preset]) -> str:
            places[preset.name] = places.get(preset.name) or machine(preset, kin)
            return places[preset.name]

        filled = expand(data, load_presets, place)
        return replace(
            parse_config(filled, parse_upstream, parse_place, parse_wants, parse_store), machine_places=places
        )
    return parse_config(data, parse_upstream, parse_place, parse_wants, parse_store)


def parse_again(text: str, config: Config) -> Config:
    """Return a cudepot.toml that was changed since it was ``config``, with the places that this machine had then.

    Raises:
        ConfigError, ValueError, RecursionError: as :func:`parse_text` does.
    """
    places = config.machine_places
    return parse_text(text, lambda preset, kin: places.get(preset.name) or _unasked(preset, kin))
