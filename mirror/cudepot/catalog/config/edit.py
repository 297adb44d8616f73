"""Changes lists of one upstream or pin in cudepot.toml; every other byte, comments above all, stays as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tomli
import tomlkit
from tomlkit.items import Array, Table

from cudepot.catalog.config.places import places_of
from cudepot.errors import ConfigError


def set_lists(
    text: str, number: int, lists: Mapping[str, Sequence[str]], *, comment: str = "", kind: str = "upstream"
) -> str:
    """Return cudepot.toml with lists of strings of one table set to new values.

    Values that stay keep their place, their spelling and their comments.

    Args:
        text: cudepot.toml.
        number: which table of its kind, counting from 0.
        lists: key → all its values; an empty list that is not there is not written.
        comment: stands beside each value that is new.
        kind: ``upstream`` or ``pin``.

    Raises:
        ConfigError: the result would not say what it should; then the file has to be edited by hand.
    """
    for name in lists:
        text = _with_room(text, f"{kind}[{number}].{name}")
    document = tomlkit.parse(text)
    table = document[kind][number]
    for name, wanted in lists.items():
        _set(table, name, list(wanted), comment)
    result = tomlkit.dumps(document)
    expected = _expected(tomli.loads(text), kind, number, lists)
    if tomli.loads(result) != expected:
        raise ConfigError("the layout of cudepot.toml does not allow a safe automatic change", hint="edit it by hand")
    return result


def add_values(text: str, key: str, added: Mapping[str, str]) -> str:
    """Return cudepot.toml with values added to a list of strings outside all tables; each gets a comment.

    Args:
        text: cudepot.toml.
        key: of the list, which is made where it is missing.
        added: value → comment.

    Raises:
        ConfigError: the result would not say what it should; then the file has to be edited by hand.
    """
    document = tomlkit.parse(_with_room(text, key) if key in tomlkit.parse(text) else f"{key} = []\n{text}")
    before = tomli.loads(text)
    array = document[key]
    assert isinstance(array, Array), "the file was read as configuration before"
    present = list(array)
    if not present and "\n" not in array.as_string():
        array.add_line(indent="")
    for value, comment in added.items():
        if value not in present:
            _append(array, value, comment)
    result = tomlkit.dumps(document)
    new = [one for one in added if one not in present]
    if not _says(result, {**before, key: [*present, *new]}):
        listed = ", ".join(f'"{one}"' for one in new)
        raise ConfigError(
            "the layout of cudepot.toml does not allow a safe automatic change", hint=f"add {listed} to {key} by hand"
        )
    return result


def _with_room(text: str, path: str) -> str:
    """Return cudepot.toml with the bracket that closes a list of several lines on a line of its own.

    Where it shares one with a value, tomlkit would put it behind the comment of what is added.
    """
    place = places_of(text).get(path)
    last = text[place.start : place.end].rpartition("\n") if place else ("", "", "")
    if not place or not last[1] or last[2].strip(" \t") == "]":
        return text
    before = text[: place.end - 1].rstrip(" \t")
    return f"{before}\n{text[place.end - 1 :]}"


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomli.loads(text) == wanted
    except ValueError:
        return False


def _set(table: Table, name: str, wanted: list[str], comment: str) -> None:
    if name not in table:
        if wanted:
            last = list(table.keys())[-1]
            # not table[name] = …: that would stand below the blank lines and comments that follow the table
            table.value._insert_after(last, name, _array(wanted, comment))
        return
    array = table[name]
    assert isinstance(array, Array), "the file was read as configuration before"
    for at in reversed(range(len(array))):
        if array[at] not in wanted:
            del array[at]
    present = list(array)
    for one in wanted:
        if one not in present:
            _append(array, one, comment)


def _append(array: Array, value: str, comment: str) -> None:
    text = array.as_string()
    if "\n" not in text:
        array.append(value)
        return
    rows = [line for line in text.splitlines()[1:] if line.strip(" \t],")]
    array.add_line(value, comment=comment or None, indent=rows[-1][: -len(rows[-1].lstrip())] if rows else "    ")


def _array(values: list[str], comment: str) -> Array:
    array = tomlkit.array()
    if comment:
        for one in values:
            array.add_line(one, comment=comment)
        array.add_line(indent="")
    else:
        array.extend(values)
    return array


def _expected(data: dict[str, Any], kind: str, number: int, lists: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    table = data[kind][number]
    for name, wanted in lists.items():
        if wanted or name in table:
            kept = [one for one in table.get(name, []) if one in wanted]
            table[name] = kept + [one for one in wanted if one not in kept]
    return data
