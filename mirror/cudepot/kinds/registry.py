"""The kinds of upstreams, and of what is published: each is loaded when there is something of it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from cudepot.catalog import ecosystems
from cudepot.catalog.config.fetch import connections_of
from cudepot.catalog.config.upstream import Upstream, upstream_name
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import Lock, LockedEnvironment, LockedUpstream
from cudepot.errors import ConfigError
from cudepot.kinds.kind import Kind

if TYPE_CHECKING:
    from cudepot.catalog.config.environments import Environment, Wants
    from cudepot.kinds.checks import Checks
    from cudepot.kinds.ports import Solves
    from cudepot.kinds.shows import Shows

_NEWER = "use the cudepot version that locked it, or run `cudepot lock`"


class Row(NamedTuple):
    """Where a kind lives, and what has to be known to see that there is something of it.

    Attributes:
        module: has its :class:`Kind` under the name ``KIND``.
        shows: the ecosystem whose packages it shows, whoever has locked or made them; None for one that shows nothing
            itself.
        upstreams: whether ``type`` in cudepot.toml may name it.
    """

    module: str
    shows: ecosystems.Row | None = None
    upstreams: bool = True

    @property
    def folder(self) -> str:
        """Folder of the site in which its roots are; empty for a kind that shows nothing itself."""
        return (self.shows.index_room or self.shows.room) if self.shows else ""


class Shown(NamedTuple):
    """An ecosystem, and what shows its packages."""

    ecosystem: ecosystems.Row
    shows: Shows


ROWS = {
    "apt": Row("cudepot.kinds.apt.kind", ecosystems.APT),
    "yum": Row("cudepot.kinds.yum.kind", ecosystems.YUM),
    "conda": Row("cudepot.kinds.conda.kind", ecosystems.CONDA),
    "simple": Row("cudepot.kinds.wheels.kind", ecosystems.WHEELS),
    "redistrib": Row("cudepot.kinds.redistrib.kind"),
    "folder": Row("cudepot.kinds.folder.kind"),
    "local-repo": Row("cudepot.kinds.installer.kind"),
    "files": Row("cudepot.kinds.files.kind", ecosystems.FILES, upstreams=False),
}
"""All kinds, in the order in which they are told."""
OF_FILES = "folder"
"""The kind whose upstreams are folders of files that somebody has on this machine."""


def register(name: str, row: Row) -> None:
    """Add a kind, with the row of its ecosystem where it brings one; raise ValueError when another one has the name."""
    if ROWS.get(name, row) != row:
        raise ValueError(f"a kind called {name!r} exists already")
    if row.shows:
        ecosystems.register(row.shows)
    ROWS[name] = row


def kind_of(upstream: Upstream | LockedUpstream) -> Kind:
    """Return the kind of an upstream; raise ConfigError for one that only a newer cudepot has."""
    if upstream.type not in ROWS:
        raise ConfigError(
            f"upstream {upstream.name!r} is of type {upstream.type!r}, which this cudepot does not know", hint=_NEWER
        )
    return kind_named(upstream.type)


def kind_of_mirror(upstream: LockedUpstream) -> Kind:
    """Return the kind of a whole mirror; raise ConfigError for one that only a newer cudepot mirrors so."""
    found = kind_of(upstream)
    if not found.vouching:
        raise ConfigError(
            f"upstream {upstream.name!r} is of type {upstream.type!r}, which this cudepot cannot mirror whole",
            hint=_NEWER,
        )
    return found


def kind_named(name: str) -> Kind:
    """Return a kind by its name in :data:`ROWS`."""
    found = importlib.import_module(ROWS[name].module).KIND
    assert isinstance(found, Kind), ROWS[name].module
    return found


def vouching() -> dict[str, Kind]:
    """Return the kinds whose repositories the site signs, by folder of the site."""
    every = {row.folder: kind_named(name) for name, row in ROWS.items() if row.folder}
    return {folder: kind for folder, kind in every.items() if kind.vouching}


def configuring() -> dict[str, Kind]:
    """Return the kinds whose clients have files of their own, by folder of the site."""
    return {folder: kind for folder, kind in vouching().items() if kind.configuring}


def indexing() -> list[Kind]:
    """Return the kinds that configure programs for an index which all upstreams share."""
    every = (kind_named(name) for name, row in ROWS.items() if row.shows and not row.shows.per_upstream)
    return [kind for kind in every if kind.indexing]


def shown_below(paths: Iterable[str]) -> dict[str, Shown]:
    """Return what shows the repositories at these site paths, by folder of the site."""
    tops = {ecosystems.at_home(path).partition("/")[0] for path in {path.rpartition("/")[0] + "/" for path in paths}}
    return {row.folder: _shown(name, row.shows) for name, row in ROWS.items() if row.shows and row.folder in tops}


def showing(lock: Lock) -> list[Shown]:
    """Return what shows something of a lock in a folder of its upstream's."""
    there = _artifacts(lock)
    return [_shown(name, one) for name, one in _ecosystems(per_upstream=True) if one.artifact in there]


def checking(lock: Lock) -> list[Checks]:
    """Return what checks packages of a lock when they have arrived, whoever shows them."""
    there = _artifacts(lock)
    return [kind_named(name).checks for name, row in ROWS.items() if row.shows and row.shows.artifact in there]


def _artifacts(lock: Lock) -> set[str]:
    """Return the kinds of packages of a lock, those of whole mirrors included, which it does not list."""
    return {one.kind for one in lock.artifacts} | {one.row.artifact for one in lock.upstreams if one.files}


def sharing() -> list[Shown]:
    """Return what shows packages in a repository that all upstreams share."""
    return [_shown(name, one) for name, one in _ecosystems(per_upstream=False)]


def _ecosystems(*, per_upstream: bool) -> Iterator[tuple[str, ecosystems.Row]]:
    rows = ((name, row.shows) for name, row in ROWS.items())
    return ((name, one) for name, one in rows if one and one.per_upstream == per_upstream)


def _shown(name: str, ecosystem: ecosystems.Row) -> Shown:
    return Shown(ecosystem, kind_named(name).shows)


def parse_upstream(table: Table) -> Upstream:
    """Return one ``[[upstream]]``; raise ConfigError that names the place of the first fault."""
    kind = table.choice("type", tuple(name for name, row in ROWS.items() if row.upstreams))
    name = upstream_name(table.text("name"), table.path("name"))
    found = kind_named(kind).locks.parse(table, Upstream(name, kind))
    if found.url:
        found = replace(found, connections=connections_of(table))
    table.done()
    return found


def solving() -> dict[str, Solves]:
    """Return the kinds whose packages an environment may have, by name."""
    kinds = ((name, kind_named(name)) for name in ROWS)
    return {name: kind.solves for name, kind in kinds if kind.solving}


def solves_of(environment: LockedEnvironment) -> Solves:
    """Return what resolves such an environment; raise ConfigError for packages that only a newer cudepot has in one."""
    kind = kind_named(environment.kind) if environment.kind in ROWS else None
    if not kind or not kind.solving:
        raise ConfigError(
            f"environment {environment.name!r} has packages of kind {environment.kind!r}, which this cudepot does not "
            "support in environments",
            hint=_NEWER,
        )
    return kind.solves


def parse_wants(table: Table, environment: Environment) -> tuple[tuple[str, Wants], ...]:
    """Return what the kinds read of an ``[[environment]]``, each its own keys; raise ConfigError."""
    read = ((name, solves.parse(table, environment)) for name, solves in solving().items())
    wants = tuple((name, found) for name, found in read if found is not None)
    if wants:  # another error is told where there are none
        from cudepot.kinds.rules.system_wanted import check_lonely  # noqa: PLC0415

        check_lonely(table, environment, wants)
    return wants
