"""Reads the upstreams, keys and stacks that come with cudepot."""

from __future__ import annotations

import functools

import tomli

from cudepot.catalog.config.presets import Presets, parse_presets
from cudepot.catalog.stacks.stacks import Stacks, parse_stacks
from cudepot.data import data_folder


@functools.cache
def load_presets() -> Presets:
    """Return what ``channel-config/upstreams/`` holds; raise ConfigError when it is missing or malformed."""
    files = sorted((data_folder("channel-config") / "upstreams").glob("*.toml"))
    return parse_presets(tomli.loads(path.read_text()) for path in files)


@functools.cache
def load_stacks() -> Stacks:
    """Return what ``channel-config/stacks/`` holds; raise ConfigError when it is missing or malformed."""
    files = sorted((data_folder("channel-config") / "stacks").glob("*.toml"))
    return parse_stacks(tomli.loads(path.read_text()) for path in files)
