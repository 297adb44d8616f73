"""What an ``[[environment]]`` of cudepot.toml says of conda packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from cudepot.catalog.config.environments import Environment
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.kinds.conda.rules.machines import Profile, parse_profiles

KIND = "conda"
"""What locks call it."""
_MOST_KEPT = 20
PRIORITIES = ("strict", "flexible")
"""What channels that have packages of one name mean, as conda's ``channel_priority``."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The conda packages an environment has to have.

    Attributes:
        conda: match specs.
        channels: upstreams they may come from, the first first; a name that one has is taken from no later one. Empty
            for those that files name, or all, as they are in cudepot.toml.
        conda_files: files that ask for more, relative to cudepot.toml; ``pixi.lock[gpu]`` for a part of one.
        keep: how many versions of each package that is asked for there are to be, the newest that still solve.
        profiles: sorts of machines, each solved for on every platform; empty for the one that the environment says.
        channel_priority: ``strict``, or ``flexible`` to take from a later channel what the first does not solve with.
    """

    conda: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    conda_files: tuple[str, ...] = ()
    keep: int = 1
    profiles: tuple[Profile, ...] = ()
    channel_priority: str = PRIORITIES[0]

    def hashed(self) -> Mapping[str, object]:
        """Return all of it: it decides what is locked; settings that older locks lack only if used."""
        usual = {"conda_files": (), "keep": 1, "profiles": (), "channel_priority": PRIORITIES[0]}
        return {name: value for name, value in asdict(self).items() if name not in usual or value != usual[name]}

    def owners(self, upstreams: Sequence[Upstream]) -> tuple[Upstream, ...]:
        """Return the channels in the order of their priority; raise ConfigError where one is not there."""
        there = {one.name: one for one in upstreams if one.type == KIND}
        for name in self.channels:
            if name not in there:
                raise ConfigError(
                    f"an environment takes conda packages from {name!r}, but no [[upstream]] of type {KIND!r} "
                    "has that name",
                    hint=f"there are: {', '.join(there) or 'none'}",
                )
        if not there:
            raise ConfigError(
                "an environment needs conda packages, but there is no channel to take them from",
                hint='add an [[upstream]] with preset = "conda/conda-forge"',
            )
        return tuple(there[name] for name in self.channels or there)

    def files(self, read: Callable[[str], bytes]) -> Mapping[str, bytes]:
        """Return the files that it names, as ``read`` gives them."""
        if not self.conda_files:
            return {}
        from cudepot.kinds.rules.conda_files.names import file_of  # noqa: PLC0415 - if there are any

        return {name: read(name) for name, _ in map(file_of, self.conda_files)}


def parse_wanted(table: Table, environment: Environment) -> Wanted | None:  # noqa: ARG001
    """Return what an ``[[environment]]`` wants of conda; None for nothing. Raise ConfigError for a wrong value."""
    found = Wanted(
        table.texts("conda", ()),
        table.texts("channels", ()),
        _files(table, "conda-files"),
        table.integer("keep", 1, low=1, high=_MOST_KEPT),
        parse_profiles(table, "profiles"),
        table.choice("channel-priority", PRIORITIES, PRIORITIES[0]),
    )
    if found.conda or found.conda_files:
        return found
    for key in ("channels", "keep", "profiles", "channel-priority"):
        if table.has(key):
            hint = "list them in `conda` or `conda-files`"
            raise ConfigError(f"{table.path(key)!r} without conda packages", hint=hint)
    return None


def _files(table: Table, key: str) -> tuple[str, ...]:
    return (table.text(key),) if isinstance(table.value_or(key, ()), str) else table.texts(key, ())
