"""``[[environment]]`` of cudepot.lock: parsed into values, and rendered from them. Format: ``docs/formats.md``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from cudepot.catalog.fields import Table
from cudepot.catalog.lock import LockedEnvironment, LockedTarget, Member
from cudepot.errors import ConfigError
from cudepot.paths import plain_path

_MEMBER = re.compile(
    r"(?P<upstream>[^;]+?)(?://(?P<nested>[^/;]+/[^/;]+)|/(?P<plain>[^/;]+))(?:; (?P<marker>.+))?", re.DOTALL
)
"""A file name that has a folder in it, as conda's have, stands behind two slashes."""
_OWN = ("name", "roots", "external", "members")
"""Keys of a target that are not among its fields."""


def parse_environments(tables: Iterable[Table]) -> tuple[LockedEnvironment, ...]:
    """Return the environments of a lock; raise ConfigError that names the place of the first fault."""
    return tuple(_environment(one) for one in tables)


def render_environments(environments: Iterable[LockedEnvironment]) -> list[dict[str, Any]]:
    """Return their tables; equal environments give equal tables."""
    return [_environment_table(one) for one in environments]


def _environment(table: Table) -> LockedEnvironment:
    found = LockedEnvironment(
        **{key: table.text(key) for key in ("name", "kind", "request")},
        roots=table.texts("roots"),
        targets=tuple(_target(one) for one in table.tables("target")),
        overrides=table.texts("overrides", ()),
    )
    table.done()
    names = [one.name for one in found.targets]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"two targets in {table.path('target')!r} are named {twice[0]!r}")
    return found


def _target(table: Table) -> LockedTarget:
    name = table.text("name")
    if "/" in name or plain_path(name) != name:
        raise ConfigError(f"expected a plain name in {table.path('name')!r}, found {name!r}")
    fields = tuple((key, table.text(key)) for key in table.names() if key not in _OWN)
    members = tuple(_member(table, one) for one in table.texts("members"))
    roots, external = table.texts("roots", ()), table.texts("external", ())
    table.done()
    return LockedTarget(name, fields, members, roots, external)


def _member(table: Table, text: str) -> Member:
    found = _MEMBER.fullmatch(text)
    name = (found["nested"] or found["plain"]) if found else ""
    if not found or plain_path(name) != name:
        raise ConfigError(
            f"expected UPSTREAM/FILE or UPSTREAM/FILE; MARKER in {table.path('members')!r}, found {text!r}"
        )
    return Member(found["upstream"], name, found["marker"] or "")


def _environment_table(one: LockedEnvironment) -> dict[str, Any]:
    table: dict[str, Any] = {"name": one.name, "kind": one.kind, "request": one.request, "roots": list(one.roots)}
    if one.overrides:
        table["overrides"] = list(one.overrides)
    return table | {"target": [_target_table(target) for target in one.targets]}


def _target_table(one: LockedTarget) -> dict[str, Any]:
    listed = {"roots": list(one.roots), "external": list(one.external)}
    given = {key: texts for key, texts in listed.items() if texts}
    return {"name": one.name, **dict(one.fields), **given, "members": [_member_text(member) for member in one.members]}


def _member_text(one: Member) -> str:
    between = "//" if "/" in one.filename else "/"
    return f"{one.upstream}{between}{one.filename}" + (f"; {one.marker}" if one.marker else "")
