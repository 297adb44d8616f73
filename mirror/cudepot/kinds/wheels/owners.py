"""Which index a project belongs to: one alone, so that nobody else's package of the same name is ever looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cudepot.catalog.config.upstream import Upstream
from cudepot.kinds.wheels.environment import Wanted


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
    """Return the indexes of an environment, of all upstreams of cudepot.toml; raise as :meth:`Wanted.owners` does."""
    every = wanted.owners(upstreams)
    return Owners(wanted, every[0], {one.name: one for one in every})
