"""Which index a project belongs to: one alone, so that nobody else's package of the same name is ever looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cudepot.catalog.config.upstream import Upstream
from cudepot.errors import ConfigError
from cudepot.kinds.wheels.environment import Wanted

_TYPE = "simple"


class Owners(NamedTuple):
    """The indexes of an environment.

    Attributes:
        wanted: what it says of wheels.
        default: the index of all projects that ``indexes`` does not name.
        every: all indexes of cudepot.toml by name.
    """

    wanted: Wanted
    default: Upstream
    every: Mapping[str, Upstream]

    def of(self, project: str) -> Upstream:
        """Return the index that alone may have a project (its normalised name)."""
        name = self.wanted.owner(project)
        return self.every[name] if name else self.default

    def at(self, url: str) -> Upstream | None:
        """Return the index at a URL that ends in a slash; None where none is configured."""
        return next((one for one in self.every.values() if one.url == url), None)


def owners(upstreams: Sequence[Upstream], wanted: Wanted) -> Owners:
    """Return the indexes of an environment, of all upstreams of cudepot.toml.

    Raises:
        ConfigError: it names an upstream that is none of them, or there is none.
    """
    every = {one.name: one for one in upstreams if one.type == _TYPE}
    for name in filter(None, (wanted.index, *dict(wanted.indexes).values())):
        if name not in every:
            raise ConfigError(
                f"an environment takes wheels from {name!r}, and no [[upstream]] of type {_TYPE!r} is called so",
                hint=f"there are: {', '.join(every) or 'none'}",
            )
    if not every:
        raise ConfigError(
            "an environment wants wheels, and there is no index to take them from",
            hint=f'add an [[upstream]] with type = "{_TYPE}" and the url of an index, or with preset = "pypi"',
        )
    taken = set(dict(wanted.indexes).values())
    usual = next((one for name, one in every.items() if name not in taken), next(iter(every.values())))
    return Owners(wanted, every[wanted.index] if wanted.index else usual, every)
