"""What an ``[[environment]]`` of cudepot.toml says of debs."""

from __future__ import annotations

from cudepot.catalog.config.environments import Environment
from cudepot.catalog.fields import Table
from cudepot.kinds.rules.system_wanted import Wanted, parse_system

KIND = "apt"
"""What the registry calls this kind."""
KEY = "deb"
USUAL_PRIORITY = 500
"""What apt gives an upstream that nothing is said of (apt_preferences(5))."""
ARCHITECTURES = {"linux-64": "amd64", "linux-aarch64": "arm64", "linux-ppc64le": "ppc64el"}


def parse_wanted(table: Table, environment: Environment) -> Wanted | None:
    """Return what an ``[[environment]]`` wants of debs; None for nothing. Raise ConfigError for a wrong value."""
    return parse_system(table, environment, KEY, KIND)
