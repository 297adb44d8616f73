"""cudepot.toml parsed as verbs do, all kinds known."""

from __future__ import annotations

from collections.abc import Mapping

from cudepot.catalog.config import config
from cudepot.kinds.registry import parse_upstream, parse_wants
from cudepot.sites.registry import parse_place
from cudepot.stores.registry import parse_store


def parse_config(data: Mapping[str, object]) -> config.Config:
    """Return the configuration."""
    return config.parse_config(data, parse_upstream, parse_place, parse_wants, parse_store)
