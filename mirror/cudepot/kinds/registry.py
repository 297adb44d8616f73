"""The kinds of upstreams, and of what is published: each is loaded when there is something of it."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from cudepot.catalog import ecosystems
from cudepot.catalog.config.upstream import Upstream, upstream_name
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import LockedUpstream
from cudepot.errors import ConfigError
from cudepot.kinds.kind import Kind


@dataclass(frozen=True, slots=True)
class Row:
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
        """Folder of the site in which its roots lie; empty for a kind that shows nothing itself."""
        return (self.shows.index_room or self.shows.room) if self.shows else ""

    @property
    def artifacts(self) -> tuple[str, ...]:
        """Kinds of artifacts and of built packages that it shows."""
        return (self.shows.artifact,) if self.shows else ()

    @property
    def shared(self) -> bool:
        """Whether all upstreams share one repository; else each has a folder below ``folder``."""
        return self.shows is not None and not self.shows.per_upstream


ROWS = {
    "apt": Row("cudepot.kinds.apt.kind", ecosystems.APT),
    "yum": Row("cudepot.kinds.yum.kind", ecosystems.YUM),
    "conda": Row("cudepot.kinds.conda.kind", ecosystems.CONDA, upstreams=False),
    "simple": Row("cudepot.kinds.wheels.kind", ecosystems.WHEELS),
    "redistrib": Row("cudepot.kinds.redistrib.kind"),
    "folder": Row("cudepot.kinds.folder.kind"),
    "local-repo": Row("cudepot.kinds.installer.kind"),
    "files": Row("cudepot.kinds.files.kind", ecosystems.FILES, upstreams=False),
}
"""All kinds, in the order in which they are told."""


def register(name: str, row: Row) -> None:
    """Add a kind, with the row of its ecosystem where it brings one; raise ValueError when another one has the name."""
    if ROWS.setdefault(name, row) != row:
        raise ValueError(f"there is a kind called {name!r}")
    if row.shows:
        ecosystems.register(row.shows)


def kind_of(upstream: Upstream | LockedUpstream) -> Kind:
    """Return the kind of an upstream; raise ConfigError for one that this cudepot does not have."""
    return kind_named(upstream.type)


def kind_named(name: str) -> Kind:
    """Return a kind by its name in :data:`ROWS`; raise ConfigError for one that this cudepot does not have."""
    if name not in ROWS:
        raise ConfigError(f"no kind of upstream is called {name!r}", hint="a newer cudepot may have it")
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


def own_folders(upstream: str) -> tuple[str, ...]:
    """Return the folders of the site that may be an upstream's own; each ends in a slash."""
    return tuple(f"{row.folder}/{upstream}/" for row in ROWS.values() if row.folder and not row.shared)


def shown_below(paths: Iterable[str]) -> dict[str, Kind]:
    """Return the kinds whose repositories lie at these site paths, by folder of the site."""
    tops = {path.partition("/")[0] for path in paths}
    return {row.folder: kind_named(name) for name, row in ROWS.items() if row.folder in tops}


def showing(artifacts: Collection[str]) -> Iterator[Kind]:
    """Give the kinds that show artifacts of these kinds in a folder of their upstream's."""
    for name, row in ROWS.items():
        if not row.shared and not set(row.artifacts).isdisjoint(artifacts):
            yield kind_named(name)


def parse_upstream(table: Table) -> Upstream:
    """Return one ``[[upstream]]``; raise ConfigError that names the place of the first fault."""
    kind = table.choice("type", tuple(name for name, row in ROWS.items() if row.upstreams))
    name = upstream_name(table.text("name"), table.path("name"))
    found = kind_named(kind).locks.parse(table, Upstream(name, kind))
    table.done()
    return found
