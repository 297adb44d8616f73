"""What an ``[[environment]]`` of cudepot.toml says of rpms."""

from __future__ import annotations

from cudepot.catalog.config.environments import Environment
from cudepot.catalog.fields import Table
from cudepot.kinds.rules.system_wanted import Wanted, parse_system

KIND = "yum"
"""What the registry calls this kind."""
KEY = "rpm"
USUAL_PRIORITY = 99
"""What dnf gives a repository that names none; a lower number comes first (dnf.conf(5))."""
ARCHITECTURES = {"linux-64": "x86_64", "linux-aarch64": "aarch64", "linux-ppc64le": "ppc64le"}


def parse_wanted(table: Table, environment: Environment) -> Wanted | None:
    """Return what an ``[[environment]]`` wants of rpms; None for nothing. Raise ConfigError for a wrong value."""
    return parse_system(table, environment, KEY, KIND)
