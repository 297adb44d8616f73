"""What an ``[[environment]]`` of cudepot.toml says of conda packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from cudepot.catalog.config.environments import Environment
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError

KIND = "conda"
"""What locks call it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The conda packages an environment has to have.

    Attributes:
        conda: match specs.
        channels: upstreams they may come from, the first first; a name that one has is taken from no later one. Empty
            for all channels, as they stand in cudepot.toml.
    """

    conda: tuple[str, ...]
    channels: tuple[str, ...] = ()

    def hashed(self) -> Mapping[str, object]:
        """Return all of it: it decides what is locked."""
        return asdict(self)

    def owners(self, upstreams: Sequence[Upstream]) -> tuple[Upstream, ...]:
        """Return the channels in the order of their priority; raise ConfigError where one is not there."""
        there = {one.name: one for one in upstreams if one.type == KIND}
        for name in self.channels:
            if name not in there:
                raise ConfigError(
                    f"an environment takes conda packages from {name!r}, and no [[upstream]] of type {KIND!r} is "
                    "called so",
                    hint=f"there are: {', '.join(there) or 'none'}",
                )
        if not there:
            raise ConfigError(
                "an environment wants conda packages, and there is no channel to take them from",
                hint='add an [[upstream]] with preset = "conda/conda-forge"',
            )
        return tuple(there[name] for name in self.channels or there)

    def files(self, read: Callable[[str], bytes]) -> Mapping[str, bytes]:  # noqa: ARG002
        """Return none: it names no files."""
        return {}


def parse_wanted(table: Table, environment: Environment) -> Wanted | None:  # noqa: ARG001
    """Return what an ``[[environment]]`` wants of conda; None for nothing. Raise ConfigError for a wrong value."""
    specs, channels = table.texts("conda", ()), table.texts("channels", ())
    if channels and not specs:
        raise ConfigError(f"{table.path('channels')!r} without conda packages", hint="say which in `conda`")
    return Wanted(specs, channels) if specs else None
