"""Reads the upstreams and keys that come with cudepot."""

from __future__ import annotations

import functools

import tomli

from cudepot.catalog.config.presets import Presets, parse_presets
from cudepot.data import data_folder


@functools.cache
def load_presets() -> Presets:
    """Return what ``channel-config/upstreams/`` holds; raise ConfigError when it is missing or malformed."""
    files = sorted((data_folder("channel-config") / "upstreams").glob("*.toml"))
    return parse_presets(tomli.loads(path.read_text()) for path in files)
