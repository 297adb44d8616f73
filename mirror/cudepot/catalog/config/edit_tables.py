"""Adds whole tables to cudepot.toml, takes them out, and changes inline tables; every other byte stays as it was."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import tomli
import tomlkit
from tomlkit.items import InlineTable, Table

from cudepot.catalog.config.places import places_of
from cudepot.errors import ConfigError


def table_text(kind: str, values: Mapping[str, Any]) -> str:
    """Return a table of an array as TOML, each list in one line; empty values are left out.

    >>> print(table_text("pin", {"upstream": "wheels", "packages": ["torch"], "cuda": ""}), end="")
    [[pin]]
    upstream = "wheels"
    packages = ["torch"]
    """
    rows = [f"{key} = {_value(value)}\n" for key, value in values.items() if value not in ("", [], (), {}, None)]
    return "".join((f"[[{kind}]]\n", *rows))


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        table.update(value)
        return str(table.as_string()).replace("{", "{ ", 1).removesuffix("}") + " }"
    return str(tomlkit.item(list(value) if isinstance(value, tuple) else value).as_string())


def with_table(text: str, kind: str, values: Mapping[str, Any]) -> str:
    """Return cudepot.toml with one more table of an array at its end."""
    return f"{text.rstrip()}\n\n{table_text(kind, values)}" if text.strip() else table_text(kind, values)


def without_table(text: str, kind: str, number: int) -> str:
    """Return cudepot.toml without one table of an array, counting from 0; comments above it stay.

    Raises:
        ConfigError: the result would not say what it should; then the file has to be edited by hand.
    """
    own = f"{kind}[{number}]"
    inside = [place for path, place in places_of(text).items() if path == own or path.startswith(f"{own}.")]
    start = text.rfind("\n", 0, min(one.key for one in inside)) + 1
    end = text.find("\n", max(one.end for one in inside))
    before, after = text[:start], "" if end < 0 else text[end + 1 :]
    if not before.strip() or before.endswith("\n\n"):
        after = after.lstrip("\n")
    result = before.rstrip("\n") + "\n" if not after else before + after
    wanted = tomli.loads(text)
    del wanted[kind][number]
    if not wanted[kind]:
        del wanted[kind]
    return _checked(result, wanted)


def set_pairs(
    text: str, kind: str, number: int, key: str, pairs: Mapping[str, str], *, without: Collection[str] = ()
) -> str:
    """Return cudepot.toml with pairs set in a table of texts that is a value of one table of an array.

    Args:
        text: cudepot.toml.
        kind, number: which array, and which of its tables, counting from 0.
        key: of the table of texts, which is made where it is missing, and goes when it is empty.
        pairs: what is set.
        without: keys that are taken out.

    Raises:
        ConfigError: the result would not say what it should; then the file has to be edited by hand.
    """
    wanted = tomli.loads(text)
    table = wanted[kind][number]
    said = {name: one for name, one in {**table.get(key, {}), **pairs}.items() if name not in without}
    if said == table.get(key, {}):
        return text
    document = tomlkit.parse(text)
    _set_pairs(document[kind][number], key, said)
    if said:
        table[key] = said
    else:
        del table[key]
    return _checked(tomlkit.dumps(document), wanted)


def _set_pairs(table: Table, key: str, said: Mapping[str, str]) -> None:
    if not said:
        table.remove(key)
        return
    if key not in table:
        inline = tomlkit.inline_table()
        inline.update(said)
        # not table[key] = …: that would stand below the blank lines and comments that follow the table
        table.value._insert_after(list(table.keys())[-1], key, inline)
        return
    inner = table[key]
    assert isinstance(inner, (InlineTable, Table)), "the file was read as configuration before"
    for name in [one for one in inner if one not in said]:
        inner.remove(name)
    for name, value in said.items():
        if inner.get(name) != value:
            inner[name] = value


def _checked(text: str, wanted: Mapping[str, Any]) -> str:
    try:
        good = tomli.loads(text) == wanted
    except ValueError:
        good = False
    if not good:
        raise ConfigError("the layout of cudepot.toml does not allow a safe automatic change", hint="edit it by hand")
    return text
