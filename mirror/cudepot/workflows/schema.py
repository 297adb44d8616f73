"""The JSON schema of cudepot.toml, for editors: what the parsers ask of small examples, one of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cudepot.catalog.config.config import PLATFORMS, SUBDIRS, parse_config, parse_pin
from cudepot.catalog.config.environments import parse_environments
from cudepot.catalog.config.hooks import EVENTS, parse_hooks
from cudepot.catalog.config.site import parse_site
from cudepot.catalog.config.watched import Schema, WatchedTable, joined
from cudepot.catalog.ecosystems import Output
from cudepot.errors import ConfigError
from cudepot.kinds.registry import ROWS, parse_upstream, parse_wants
from cudepot.sites.registry import SITES, parse_place
from cudepot.stores.registry import STORES, parse_store, parse_table

_TEXT = {"type": "string"}
_URL: dict[str, object] = {"url": "https://packages.example/"}
_PLACES: tuple[dict[str, object], ...] = (
    _URL,
    {**_URL, "keys": ["A" * 40], "keyrings": ["keys/x.asc"]},
    {"path": "downloads"},
    {"path": "downloads/x", "sha256": "0" * 64},
)
"""Where upstreams are; each kind takes one of them."""
_SITES: tuple[dict[str, object], ...] = ({"nvidia-paths": True}, {"nvidia-paths": True, "bucket": "packages"})
_PRESET = {"preset": _TEXT, "label": _TEXT}
"""What a preset is named by, before any kind sees the table."""


def schema() -> Schema:
    """Return the schema of cudepot.toml (JSON Schema 2020-12)."""
    root = WatchedTable({})
    parse_config(root, parse_upstream, parse_place, parse_wants, parse_store)
    whole = root.schema()
    whole["properties"]["site"] = joined(map(_site, SITES))
    whole["properties"]["store"] = {"anyOf": [_TEXT, joined(map(_store, STORES))]}
    for name, items in (("upstream", _upstream()), ("pin", _pin()), ("environment", _environment()), ("hook", _hook())):
        whole["properties"][name] = {"type": "array", "items": items}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cudepot.toml",
        "description": "`cudepot explain formats` says what each key means.",
        **whole,
    }


def _asked(parse: Callable[[WatchedTable], object], examples: Iterable[dict[str, object]]) -> Schema:
    """Return what a parser asks of the first of some tables that it takes."""
    for table in map(WatchedTable, examples):
        try:
            parse(table)
        except ConfigError:
            continue
        return table.schema()
    raise AssertionError("no example")


def _site(name: str) -> Schema:
    return _asked(lambda table: parse_site(table, parse_place), ({"type": name, **one} for one in _SITES))


def _store(name: str) -> Schema:
    return _asked(parse_table, ({"type": name, **one} for one in ({}, {"bucket": "packages"})))


def _upstream() -> Schema:
    """Return all keys of all kinds, and for each kind which of them it has."""
    kinds = {name: _kind(name) for name, row in ROWS.items() if row.upstreams}
    every = joined(kinds.values())
    every["properties"] |= _PRESET
    every.pop("required", None)  # a preset gives them
    return every | {"anyOf": [{"required": ["preset"]}, {"required": ["name", "type"]}], "allOf": _rules(kinds)}


def _rules(kinds: dict[str, Schema]) -> list[Schema]:
    return [
        {
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {"propertyNames": {"enum": sorted({*one["properties"], *_PRESET})}},
        }
        for name, one in kinds.items()
    ]


def _kind(name: str) -> Schema:
    return _asked(parse_upstream, ({"name": "x", "type": name, **place} for place in _PLACES))


def _pin() -> Schema:
    found = _asked(parse_pin, [{"upstream": "x", "packages": ["x"]}])
    found["properties"] |= {"outputs": _some(Output), "subdirs": _some(SUBDIRS)}
    return found


def _environment() -> Schema:
    example: dict[str, object] = {"name": "x", "python": ["3.12"], "wheels": ["x"]}
    found = _asked(lambda table: parse_environments([table], PLATFORMS, parse_wants), [example])
    found["properties"] |= {"platforms": _some(PLATFORMS)}
    return found


def _hook() -> Schema:
    found = _asked(lambda table: parse_hooks([table]), [{"name": "x", "on": ["shown"], "command": ["x"]}])
    found["properties"] |= {"on": _some(EVENTS)}
    return found


def _some(words: Iterable[str]) -> Schema:
    return {"type": "array", "items": {"enum": [str(one) for one in words]}}
