"""Adds packages to the ``[[pin]]`` tables of cudepot.toml, and takes them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cudepot.catalog.config.edit_tables import without_table
from cudepot.catalog.config.spec_names import is_about
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import row_of_type
from cudepot.errors import ConfigError
from cudepot.workflows.change.draft import Draft

_OWN = ("upstream", "packages", "sha256")
"""Keys of a pin that say nothing about how its packages are wanted."""


def joiner_of(upstream: Upstream) -> str:
    """Return what stands between name and version in pins on an upstream; empty where pins name files."""
    row = row_of_type(upstream.type)
    return row.joiner if row else ""


def with_pins(draft: Draft, upstream: str, specs: Sequence[str], settings: Mapping[str, Any]) -> Draft:
    """Return the draft with packages of an upstream pinned, beside those that are wanted alike where there are any."""
    alike = [
        (number, table)
        for number, table in enumerate(draft.tables("pin"))
        if table["upstream"] == upstream and _settings(table) == _settings(settings)
    ]
    present = [spec for _, table in alike for spec in table["packages"]]
    new = [one for one in dict.fromkeys(specs) if one not in present]
    if not new:
        return draft
    if not alike:
        values = {"upstream": upstream, "packages": new, **settings}
        return draft.with_table("pin", values, upstream, specs=new)
    number, table = alike[-1]
    note = f"[[pin]] of {upstream}: added {', '.join(new)}"
    lists = {"packages": [*table["packages"], *new]}
    return draft.with_lists("pin", number, lists, upstream, note=note, specs=new)


def _settings(table: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: value for key, value in table.items() if key not in _OWN and value not in ("", [], ())}
    return {key: str(value) if key == "cuda" else value for key, value in said.items()}


def without_pins(draft: Draft, upstream: str, words: Sequence[str]) -> Draft:
    """Return the draft without packages in pins on an upstream, or on all where it is empty; empty pins go as well.

    Raises:
        ConfigError: a word means no package that is pinned.
    """
    for word in words:
        hits = [
            (number, table, spec)
            for number, table in enumerate(draft.tables("pin"))
            for spec in table["packages"]
            if upstream in ("", table["upstream"])
            and is_about(spec, word, joiner_of(draft.config.upstream(table["upstream"])))
        ]
        if not hits:
            raise _not_pinned(draft, upstream, word)
        where = dict.fromkeys(table["upstream"] for _, table, _ in hits)
        if len(where) > 1:
            hint = f"choose one: cudepot remove {next(iter(where))} {word}"
            raise ConfigError(f"{word!r} is pinned from {', '.join(where)}", hint=hint)
        for number in sorted({one for one, *_ in hits}, reverse=True):
            draft = _without(draft, number, [spec for one, _, spec in hits if one == number])
    return draft


def _without(draft: Draft, number: int, specs: Sequence[str]) -> Draft:
    table = draft.tables("pin")[number]
    left, upstream = [one for one in table["packages"] if one not in specs], table["upstream"]
    note = f"[[pin]] of {upstream}: removed {', '.join(specs)}"
    if not left:
        return draft.with_text(without_table(draft.text, "pin", number), upstream, note=note)
    return draft.with_lists("pin", number, {"packages": left}, upstream, note=note, specs=())


def _not_pinned(draft: Draft, upstream: str, word: str) -> ConfigError:
    pinned = [spec for one in draft.config.pins if upstream in ("", one.upstream) for spec in one.packages]
    asking = [one.name for one in draft.config.environments]
    hint = f"pinned: {', '.join(dict.fromkeys(pinned))}" if pinned else "nothing is pinned"
    hint += f"; packages of an environment: --environment {asking[0]}" if asking else ""
    return ConfigError(f"{word!r} is not pinned{f' of {upstream}' if upstream else ''}", hint=hint)
