"""Reads the text of a cudepot.toml with all kinds of upstreams and sites, and the presets where it names one."""

from __future__ import annotations

import tomli

from cudepot.catalog.config.config import Config, names_presets, parse_config
from cudepot.kinds.registry import parse_upstream, parse_wants
from cudepot.sites.registry import parse_place


def parse_text(text: str) -> Config:
    """Return a cudepot.toml as values.

    Raises:
        ConfigError: something in it is wrong; the error names the place.
        ValueError: it is not TOML.
        RecursionError: it is nested too deeply.
    """
    data = tomli.loads(text)
    if names_presets(data):
        from cudepot.catalog.config.presets import expand  # noqa: PLC0415 - every run comes by here
        from cudepot.depot.shipped import load_presets  # noqa: PLC0415

        return parse_config(expand(data, load_presets), parse_upstream, parse_place, parse_wants)
    return parse_config(data, parse_upstream, parse_place, parse_wants)
