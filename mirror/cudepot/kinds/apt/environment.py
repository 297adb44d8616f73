"""What an ``[[environment]]`` of cudepot.toml says of debs."""

from __future__ import annotations

import re

from cudepot.catalog.config.environments import Environment
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.kinds.rules.system_wanted import Wanted, parse_system

KIND = "apt"
"""What the registry calls this kind."""
KEY = "deb"
USUAL_PRIORITY = 500
"""What apt gives an upstream that nothing is said of (apt_preferences(5))."""
ARCHITECTURES = {"linux-64": "amd64", "linux-aarch64": "arm64", "linux-ppc64le": "ppc64el"}
_ASKED = re.compile(r"[\w*?][\w+.*?\[\]!-]*(:[a-z0-9-]+)?( *= *\S+)?", re.ASCII)


def parse_wanted(table: Table, environment: Environment) -> Wanted | None:
    """Return what an ``[[environment]]`` wants of debs; None for nothing. Raise ConfigError for a wrong value."""
    found = parse_system(table, environment, KEY, KIND)
    for one in found.packages if found else ():
        if not _ASKED.fullmatch(one.strip()):
            raise ConfigError(
                f"expected NAME, NAME=VERSION or NAME:ARCHITECTURE in {table.path(KEY)!r}, found {one!r}",
                hint="versions may be globs, `gcc=4:12.*`; `lock` takes the newest that fits, so there is no >=",
            )
    return found
