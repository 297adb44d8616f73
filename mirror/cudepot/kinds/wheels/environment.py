"""What an ``[[environment]]`` of cudepot.toml says of wheels."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase

from cudepot.catalog.config.environments import Environment
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError

KIND = "simple"
"""What the registry calls this kind."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NEEDS_WHEELS = (
    "constraints", "overrides", "indexes", "index", "prereleases", "exclude-newer", "build",
)  # fmt: skip
_NORMAL = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The wheels an environment has to have, and how they are chosen.

    Attributes:
        wheels: requirements (PEP 508).
        requirements: files with more of them, relative to cudepot.toml; ``pyproject.toml[extra]`` for an extra too.
        constraints, overrides: requirements that bind, or replace, what is asked for.
        constraint_files, override_files: files with more of them.
        indexes: project (normalised, or a glob over such) → the upstream that alone may have it.
        index: the upstream of all others; empty for the first that is an index.
        prereleases: whether all projects may come as pre-releases, or which.
        exclude_newer: time (RFC 3339, UTC); what came to its index then or later does not count. Empty for none.
        build: normalised names of projects that are built where they have no wheel.
    """

    wheels: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    constraint_files: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    override_files: tuple[str, ...] = ()
    indexes: tuple[tuple[str, str], ...] = ()
    index: str = ""
    prereleases: bool | tuple[str, ...] = False
    exclude_newer: str = ""
    build: tuple[str, ...] = ()

    def hashed(self) -> Mapping[str, object]:
        """Return all of it: it decides what is locked."""
        return asdict(self)

    def owners(self, upstreams: Sequence[Upstream]) -> tuple[Upstream, ...]:
        """Return all indexes, as stubs may name any of them, the one of all projects that ``indexes`` leaves first."""
        there = {one.name: one for one in upstreams if one.type == KIND}
        for name in filter(None, (self.index, *dict(self.indexes).values())):
            if name not in there:
                raise ConfigError(
                    f"an environment takes wheels from {name!r}, but no [[upstream]] of type {KIND!r} has that name",
                    hint=f"there are: {', '.join(there) or 'none'}",
                )
        if not there:
            raise ConfigError(
                "an environment needs wheels, but there is no index to take them from",
                hint=f'add an [[upstream]] with type = "{KIND}" and the url of an index, or with preset = "pypi"',
            )
        first = there[self.index or self._first(tuple(there))]
        return first, *(one for one in there.values() if one is not first)

    def _first(self, names: Sequence[str]) -> str:
        """Return the first index; raise ConfigError where it has projects of its own, and another may be meant."""
        own = {upstream for project, upstream in self.indexes if not self._is_taken_back(project)}
        if len(names) > 1 and names[0] in own:
            raise ConfigError(
                f"`indexes` gives projects to {names[0]!r}, the first index: does it have all the others as well?",
                hint=f"name the one that has them with `index`: {', '.join(names)}; or put that one first in "
                "cudepot.toml",
            )
        return names[0]

    def _is_taken_back(self, project: str) -> bool:
        """Return whether a name is only taken back from a glob that gives it to another index."""
        return any(one != project and fnmatchcase(project, one) for one, _ in self.indexes)

    def files(self, read: Callable[[str], bytes]) -> Mapping[str, bytes]:
        """Return every file that it names, or that such a file includes, as ``read`` gives them."""
        from cudepot.kinds.wheels.rules.requirement_files import with_included  # noqa: PLC0415 - if there are any

        named = (*self.requirements, *self.constraint_files, *self.override_files)
        return with_included(named, read) if named else {}

    def owner(self, project: str) -> str:
        """Return the upstream that ``indexes`` gives a project (normalised) to; empty for the default one."""
        exact = dict(self.indexes)
        if project in exact:
            return exact[project]
        return next((upstream for glob, upstream in self.indexes if fnmatchcase(project, glob)), "")


def parse_wanted(table: Table, environment: Environment) -> Wanted | None:
    """Return what an ``[[environment]]`` wants of wheels; None for nothing. Raise ConfigError for a wrong value."""
    constraints, overrides = _listed(table, "constraints"), _listed(table, "overrides")
    found = Wanted(
        wheels=table.texts("wheels", ()),
        requirements=_files(table, "requirements"),
        constraints=constraints[0],
        constraint_files=constraints[1],
        overrides=overrides[0],
        override_files=overrides[1],
        indexes=tuple((_normal(project), name) for project, name in table.mapping("indexes").items()),
        index=table.text("index", ""),
        prereleases=_prereleases(table),
        exclude_newer=_moment(table, "exclude-newer"),
        build=tuple(map(_normal, table.texts("build", ()))),
    )
    if found.wheels or found.requirements:
        return _with_python(table, environment, found)
    if lonely := [key for key in _NEEDS_WHEELS if table.has(key)]:
        raise ConfigError(f"{table.path(lonely[0])!r} without wheels", hint="list them in `wheels` or `requirements`")
    return None


def _with_python(table: Table, environment: Environment, found: Wanted) -> Wanted:
    if not environment.python:
        raise ConfigError(
            f"wheels are requested without {table.path('python')!r}", hint='give the versions: python = ["3.12"]'
        )
    return found


def _normal(project: str) -> str:
    """Return a project's name, or a glob over such, as PEP 503 normalises names."""
    return _NORMAL.sub("-", project).lower()


def _files(table: Table, key: str) -> tuple[str, ...]:
    return (table.text(key),) if isinstance(table.value_or(key, ()), str) else table.texts(key, ())


def _listed(table: Table, key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the requirements of a list, and no file; of a text no requirement, and the file."""
    if isinstance(table.value_or(key, ()), str):
        return (), (table.text(key),)
    return table.texts(key, ()), ()


def _prereleases(table: Table) -> bool | tuple[str, ...]:
    if isinstance(table.value_or("prereleases", default=False), bool):
        return table.flag("prereleases")
    return tuple(map(_normal, table.texts("prereleases")))


def _moment(table: Table, key: str) -> str:
    """Return a time in UTC; a date alone means its end, as it does to uv."""
    value = table.value_or(key, "")
    text = value.isoformat() if isinstance(value, datetime.date) else table.text(key, "")
    if not text:
        return ""
    try:
        found = datetime.datetime.fromisoformat(text)
        found += datetime.timedelta(days=1 if _DATE.fullmatch(text) else 0)
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            f"expected a date or a time (RFC 3339) in {table.path(key)!r}, found {text!r}",
            hint='for example "2026-11-01" or "2026-11-01T12:00:00Z"',
        ) from error
    found = found.astimezone(datetime.UTC) if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")
