"""``[[environment]]`` tables of cudepot.toml as values: what machines that see only the site must get."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_PYTHON = re.compile(r"[23]\.(0|[1-9][0-9]?)(\.(0|[1-9][0-9]?))?")
_DISTRIBUTION = re.compile(r"[a-z0-9][a-z0-9.]*")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9_-]*")
_BASE = re.compile(r"none|minbase|file:.+")
_GLIBC = re.compile(r"2\.(0|[1-9][0-9]?)")


class Wants(Protocol):
    """What one kind read of an ``[[environment]]``."""

    def hashed(self) -> Mapping[str, object]:
        """Return all of it that decides what is locked, as JSON takes it."""
        ...

    def owners(self, upstreams: Sequence[Upstream]) -> tuple[Upstream, ...]:
        """Return those of the upstreams that packages may come from; raise ConfigError where one is not there."""
        ...

    def files(self, read: Callable[[str], bytes]) -> Mapping[str, bytes]:
        """Return every file that it names, those that files include as well, as ``read`` gives them."""
        ...


@dataclass(frozen=True, slots=True)
class Environment:
    """What somebody wants to be able to install on a machine that sees nothing but the site.

    Attributes:
        name: one lower-case word; also a folder on the site.
        platforms: as conda names them: ``linux-64``.
        python: versions of Python, ``3.12`` for all patch levels or ``3.12.4`` for one; empty where none is said.
        glibc: the oldest of the Linux machines, ``2.28``.
        cuda: the CUDA it is for; empty where none is said.
        max_size: bytes that its files may have together; None for no limit.
        distribution: of debs and rpms: what the machines run, as client files name it: ``ubuntu2204``.
        architectures: of debs and rpms, as the distribution names them; empty for those of ``platforms``.
        base: what such machines have before: ``none``, ``minbase``, or ``file:`` and a listing of packages.
        bootstrap: whether what a bare machine is made of is wanted as well.
        recommends: whether packages that others recommend are wanted as well.
        wants: name of a kind → what that kind read of its own keys, in the registry's order.
    """

    name: str
    platforms: tuple[str, ...]
    python: tuple[str, ...] = ()
    glibc: str = "2.28"
    cuda: str = ""
    max_size: int | None = None
    distribution: str = ""
    architectures: tuple[str, ...] = ()
    base: str = "none"
    bootstrap: bool = False
    recommends: bool = False
    wants: tuple[tuple[str, Wants], ...] = ()


ParseWants: TypeAlias = Callable[[Table, Environment], tuple[tuple[str, Wants], ...]]
"""Reads from an ``[[environment]]`` what each kind has in it, and gives it by the kind's name."""


def parse_environments(
    tables: Sequence[Table], platforms: Sequence[str], parse_wants: ParseWants
) -> tuple[Environment, ...]:
    """Return the environments; raise ConfigError that names the place of the first fault.

    Args:
        tables: as they are in cudepot.toml.
        platforms: those that are known.
        parse_wants: reads what the kinds have in such a table.
    """
    found: dict[str, Environment] = {}
    for table in tables:
        one = _environment(table, platforms, parse_wants)
        if one.name in found:
            raise ConfigError(f"two environments are named {one.name!r}")
        found[one.name] = one
    return tuple(found.values())


def _environment(table: Table, platforms: Sequence[str], parse_wants: ParseWants) -> Environment:
    found = Environment(
        name=_each(table, "name", (table.text("name"),), _NAME, "one lower-case word of letters, digits and ._-")[0],
        platforms=_platforms(table, platforms),
        python=_each(table, "python", table.texts("python", ()), _PYTHON, "versions of Python, '3.12' or '3.12.4'"),
        glibc=_each(table, "glibc", (table.version("glibc", "2.28"),), _GLIBC, "a version of glibc, '2.28'")[0],
        cuda=table.version("cuda", ""),
        max_size=table.size("max-size"),
        distribution=_distribution(table),
        architectures=_each(
            table, "architectures", table.texts("architectures", ()), _ARCHITECTURE, "architectures, 'amd64'"
        ),
        base=_each(table, "base", (table.text("base", "none"),), _BASE, "'none', 'minbase' or 'file:NAME'")[0],
        bootstrap=table.flag("bootstrap"),
        recommends=table.flag("recommends"),
    )
    _check_bootstrap(table, found)
    found = replace(found, wants=parse_wants(table, found))
    table.done()
    if not found.wants:
        raise ConfigError(f"{table.where!r} is empty", hint=f"known here: {', '.join(sorted(table.asked))}")
    return found


def _distribution(table: Table) -> str:
    found = table.text("distribution", "")
    if table.has("distribution"):
        _each(table, "distribution", (found,), _DISTRIBUTION, "one word, 'ubuntu2204'")
    return found


def _check_bootstrap(table: Table, found: Environment) -> None:
    if found.bootstrap and found.base != "none":
        raise ConfigError(
            f"{table.path('bootstrap')!r} with {table.path('base')!r} = {found.base!r}: the two contradict each other",
            hint='`bootstrap = true` goes with `base = "none"`',
        )


def _platforms(table: Table, known: Sequence[str]) -> tuple[str, ...]:
    found = table.texts("platforms", (known[0],))
    for one in found:
        if one not in known:
            raise ConfigError(
                f"unknown platform {one!r} in {table.path('platforms')!r}", hint=f"known: {', '.join(known)}"
            )
    return _unique(table, "platforms", found)


def _each(table: Table, key: str, texts: tuple[str, ...], form: re.Pattern[str], wanted: str) -> tuple[str, ...]:
    for one in texts:
        if not form.fullmatch(one):
            raise ConfigError(f"expected {wanted} in {table.path(key)!r}, found {one!r}")
    return _unique(table, key, texts)


def _unique(table: Table, key: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [one for one in texts if texts.count(one) > 1]:
        raise ConfigError(f"{twice[0]!r} appears twice in {table.path(key)!r}")
    return texts
