"""A table that notes what parsers ask of it: the JSON schema of cudepot.toml comes out of the parsers themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cudepot.catalog.fields import Table

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_TYPES: dict[str, Schema] = {
    "a string": _TEXT,
    "an integer": {"type": "integer"},
    'a number or "all"': {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "all"}]},
    "true or false": {"type": "boolean"},
    "a list of strings": {"type": "array", "items": _TEXT},
}
_MOST = 1 << 62


class WatchedTable(Table):
    """Remembers the type of each key; a key that parsers look at before they decide on its type has none."""

    def __init__(self, data: object, where: str = "", *, tolerant: bool = False) -> None:
        super().__init__(data, where, tolerant=tolerant)
        self._seen: dict[str, Schema] = {}
        self._inner: dict[str, WatchedTable] = {}
        self._rows: set[str] = set()
        self._open: set[str] = set()
        self._needed: set[str] = set()

    def value_or(self, key: str, default: object) -> object:
        """As :meth:`Table.value_or`; noted."""
        self._open.add(key)
        return super().value_or(key, default)

    def version(self, key: str, default: str) -> str:
        """As :meth:`Table.version`; noted."""
        self._seen[key] = {"type": ["string", "integer"]}
        return super().version(key, default)

    def size(self, key: str) -> int | None:
        """As :meth:`Table.size`; noted."""
        self._seen[key] = _TEXT
        return super().size(key)

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """As :meth:`Table.choice`; noted."""
        self._seen[key] = {"enum": list(choices)}
        return super().choice(key, choices, default)

    def integer(self, key: str, default: int | None = None, *, low: int = 0, high: int = _MOST) -> int:
        """As :meth:`Table.integer`; noted."""
        self._seen[key] = {"type": "integer", "minimum": low} | ({"maximum": high} if high < _MOST else {})
        return super().integer(key, default, low=low, high=high)

    def mapping(self, key: str) -> dict[str, str]:
        """As :meth:`Table.mapping`; noted."""
        self._seen[key] = {"type": "object", "additionalProperties": _TEXT}
        return super().mapping(key)

    def table(self, key: str) -> WatchedTable:
        """As :meth:`Table.table`; noted."""
        inner = super().table(key)
        assert isinstance(inner, WatchedTable)
        return self._inner.setdefault(key, inner)

    def tables(self, key: str) -> list[Table]:
        """As :meth:`Table.tables`; noted."""
        rows = super().tables(key)
        self._rows.add(key)
        return rows

    def schema(self) -> Schema:
        """Return what was asked for as a JSON schema; no other key may be there."""
        keys = {key: self._schema_of(key) for key in sorted(self._asked)}
        if not keys:  # its keys are names
            return {"type": "object"}
        needed = {"required": sorted(self._needed)} if self._needed else {}
        return {"type": "object", "properties": keys, "additionalProperties": False, **needed}

    def _schema_of(self, key: str) -> Schema:
        if key in self._open:
            return {}
        if key in self._rows:
            return {"type": "array", "items": {"type": "object"}}
        if key in self._inner and key not in self._seen:
            return self._inner[key].schema()
        return self._seen.get(key, {})

    def _get(self, key: str, default: object, wanted: str) -> object:
        if wanted in _TYPES:
            self._seen.setdefault(key, _TYPES[wanted])
        if default is None:
            self._needed.add(key)
        return super()._get(key, default, wanted)


def joined(schemas: Iterable[Schema]) -> Schema:
    """Return a schema of tables of which each is as one of these: all keys, and of required ones those of each."""
    every = list(schemas)
    keys: Schema = {}
    for key, value in ((key, value) for one in every for key, value in one["properties"].items()):
        keys[key] = value if keys.get(key, value) == value else {}
    needed = set.intersection(*(set(one.get("required", ())) for one in every))
    wanted = {"required": sorted(needed)} if needed else {}
    return {"type": "object", "properties": keys, "additionalProperties": False, **wanted}
