"""Reads the text of a cudepot.toml with all kinds of upstreams and sites, and the presets where it names one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import tomli

from cudepot.catalog.config.config import Config, names_presets, parse_config
from cudepot.errors import ConfigError
from cudepot.kinds.registry import parse_upstream, parse_wants
from cudepot.sites.registry import parse_place


def _unasked() -> str:
    raise ConfigError("preset 'pypi' has no `url` here", hint="give `url` beside `preset`")


def parse_text(text: str, machine_index: Callable[[], str] = _unasked) -> Config:
    """Return a cudepot.toml as values.

    Args:
        text: of the file.
        machine_index: gives the URL of the Python index that this machine is configured for; called where a preset
            leaves it to the machine.

    Raises:
        ConfigError: something in it is wrong; the error names the place.
        ValueError: it is not TOML.
        RecursionError: it is nested too deeply.
    """
    data = tomli.loads(text)
    if names_presets(data):
        from cudepot.catalog.config.presets import expand  # noqa: PLC0415 - every run comes by here
        from cudepot.depot.shipped import load_presets  # noqa: PLC0415

        asked: list[str] = []

        def index() -> str:
            asked[:] = asked or [machine_index()]
            return asked[0]

        filled = expand(data, load_presets, index)
        return replace(parse_config(filled, parse_upstream, parse_place, parse_wants), machine_index="".join(asked))
    return parse_config(data, parse_upstream, parse_place, parse_wants)


def parse_again(text: str, config: Config) -> Config:
    """Return a cudepot.toml that was changed since it was ``config``, with the index that this machine had then.

    Raises:
        ConfigError, ValueError, RecursionError: as :func:`parse_text` does.
    """
    return parse_text(text, lambda: config.machine_index or _unasked())
