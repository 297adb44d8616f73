"""Reads the ``uv.lock`` that uv wrote: input like any other, of which only names, versions and edges are used.

Source: uv's documentation of its lock (version 1; a later revision may add keys).
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from packaging.markers import Marker
from packaging.utils import canonicalize_name
from packaging.version import Version

from cudepot.errors import FormatError

_WHAT = "uv's lock"


@dataclass(frozen=True, slots=True)
class Edge:
    """One requirement of a package.

    Attributes:
        name: of the project that is needed.
        version: which version is meant where the lock has several; None where it does not say.
        extras: of that project.
        marker: where it holds (PEP 508); empty for everywhere.
    """

    name: str
    version: Version | None
    extras: frozenset[str]
    marker: str


@dataclass(frozen=True, slots=True)
class Package:
    """One version of a project in the lock.

    Attributes:
        name, version: which; version ``0`` for the project itself.
        registry: URL of its index; empty for the project itself.
        edges: what it needs.
        extras: extra → what it needs with it.
        files: names of its wheels.
        places: where this version is meant, of a project that has several (markers, one of which holds).
    """

    name: str
    version: Version
    registry: str
    edges: tuple[Edge, ...]
    extras: Mapping[str, tuple[Edge, ...]]
    files: tuple[str, ...]
    places: tuple[str, ...]


def parse_uv_lock(text: str) -> dict[str, tuple[Package, ...]]:
    """Return the packages of a lock by project; raise FormatError for anything else."""
    try:
        table = tomllib.loads(text)
        if table["version"] != 1:
            raise FormatError(f"{_WHAT}: version {table['version']!r}", hint="this cudepot reads version 1")
        found: dict[str, tuple[Package, ...]] = {}
        for one in table.get("package", []):
            package = _package(one)
            found[package.name] = (*found.get(package.name, ()), package)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError(f"{_WHAT} cannot be read ({type(error).__name__}: {str(error)[:200]})") from error
    return found


def _package(table: Mapping[str, Any]) -> Package:
    source, extras = table["source"], table.get("optional-dependencies", {})
    return Package(
        _name(table["name"]),
        Version(table.get("version", "0")),
        str(source.get("registry", "")),
        _edges(table.get("dependencies", [])),
        {_name(extra): _edges(found) for extra, found in extras.items()},
        tuple(_file(one) for one in table.get("wheels", [])),
        tuple(_marker(one) for one in table.get("resolution-markers", [])),
    )


def _edges(tables: list[Mapping[str, Any]]) -> tuple[Edge, ...]:
    return tuple(map(_edge, tables))


def _edge(table: Mapping[str, Any]) -> Edge:
    version = table.get("version")
    return Edge(
        _name(table["name"]),
        Version(version) if version is not None else None,
        frozenset(map(_name, table.get("extra", []))),
        _marker(table.get("marker", "")),
    )


def _marker(text: str) -> str:
    if text:
        read_marker(text)
    return text


@functools.lru_cache(maxsize=1 << 14)
def read_marker(text: str) -> Marker:
    """Return a marker; raise InvalidMarker for what is none."""
    return Marker(text)


def _name(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError("a name must be a string")
    return str(canonicalize_name(text, validate=True))


def _file(table: Mapping[str, Any]) -> str:
    """Return the name of a wheel: that of its URL, else the last part of its path."""
    return unquote(str(table.get("url") or table["path"]).rpartition("/")[2])
