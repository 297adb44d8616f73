"""The kinds of upstreams by the name that ``type`` in cudepot.toml gives them; each is loaded when there is one."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from cudepot.catalog.config.upstream import Upstream, upstream_name
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import LockedUpstream
from cudepot.errors import ConfigError
from cudepot.kinds.kind import Kind


@dataclass(frozen=True, slots=True)
class Row:
    """Where a kind lives.

    Attributes:
        module: has its :class:`Kind` under the name ``KIND``.
        folder: where the site shows its repositories, a folder each; empty for a kind that has none of its own.
    """

    module: str
    folder: str = ""


ROWS = {
    "apt": Row("cudepot.kinds.apt.kind", folder="apt"),
    "yum": Row("cudepot.kinds.yum.kind", folder="yum"),
    "simple": Row("cudepot.kinds.wheels.kind"),
    "redistrib": Row("cudepot.kinds.redistrib.kind"),
    "folder": Row("cudepot.kinds.folder.kind"),
    "local-repo": Row("cudepot.kinds.installer.kind"),
}
"""All kinds, in the order in which they are told."""


def kind_of(upstream: Upstream | LockedUpstream) -> Kind:
    """Return the kind of an upstream; raise ConfigError for one that this cudepot does not have."""
    return _kind(upstream.type)


def _kind(name: str) -> Kind:
    if name not in ROWS:
        raise ConfigError(f"no kind of upstream is called {name!r}", hint="a newer cudepot may have it")
    found = importlib.import_module(ROWS[name].module).KIND
    assert isinstance(found, Kind), ROWS[name].module
    return found


def vouching() -> dict[str, Kind]:
    """Return the kinds whose repositories the site signs, by folder of the site."""
    every = {row.folder: _kind(name) for name, row in ROWS.items() if row.folder}
    return {folder: kind for folder, kind in every.items() if kind.vouching}


def configuring() -> dict[str, Kind]:
    """Return the kinds whose clients have files of their own, by folder of the site."""
    return {folder: kind for folder, kind in vouching().items() if kind.configuring}


def parse_upstream(table: Table) -> Upstream:
    """Return one ``[[upstream]]``; raise ConfigError that names the place of the first fault."""
    kind = table.choice("type", tuple(ROWS))
    name = upstream_name(table.text("name"), table.path("name"))
    found = _kind(kind).locks.parse(table, Upstream(name, kind))
    table.done()
    return found
