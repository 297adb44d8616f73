"""Adds packages to an ``[[environment]]`` of cudepot.toml, which is made where it is not there; and takes them out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cudepot.catalog.config.edit_tables import set_pairs, without_table
from cudepot.catalog.config.environments import Environment
from cudepot.catalog.config.spec_names import is_about, name_in, normal, replaced
from cudepot.catalog.stacks.chosen import Target, own_presets, target
from cudepot.depot.shipped import load_presets
from cudepot.errors import ConfigError
from cudepot.kinds.kind import EnvironmentWords
from cudepot.kinds.registry import ROWS, solving
from cudepot.workflows.change.draft import Draft, Wanted, unknown_environment
from cudepot.workflows.change.upstreams import added, find, of_preset

_CONDA_LIKE = re.compile(r"[^=<>!~]=[^=]")
_MANY = ("platforms", "python", "architectures")
"""Keys of an environment that have several values."""


def with_packages(draft: Draft, wanted: Wanted, base: Path) -> Draft:
    """Return the draft with packages in an environment, and with what upstreams they need.

    Raises:
        ConfigError: it is not clear what is meant, or the environment is for something else.
    """
    found = next((one for one in draft.config.environments if one.name == wanted.environment), None)
    kind = kind_for(wanted, found)
    words = solving()[kind].words
    draft, origin = _with_upstreams(draft, wanted, found, kind, base)
    if found is None:
        return _made(draft, wanted, kind, origin)
    number = [one.name for one in draft.config.environments].index(found.name)
    return _grown(draft, number, wanted, words, _joiner(kind), origin)


def kind_for(wanted: Wanted, found: Environment | None) -> str:
    """Return which kind of packages is meant: as said, as the environment has it, or by distribution or form."""
    keys = {solves.words.key: name for name, solves in solving().items() if solves.words.key}
    if wanted.key:
        return keys[wanted.key]
    has = [name for name, _ in found.wants] if found else []
    if len(has) == 1:
        return has[0]
    distribution = wanted.target.get("distribution") or (found.distribution if found else "")
    if distribution and not has:
        return load_presets().distribution(distribution).type
    loose = [name for name in has or keys.values() if not (shows := ROWS[name].shows) or not shows.signed]
    single = any(_CONDA_LIKE.search(one) for one in wanted.words)
    return next((name for name in loose if (len(_joiner(name)) == 1) == single), (loose or has)[0])


def _joiner(kind: str) -> str:
    row = ROWS[kind].shows
    return row.joiner if row else ""


def _with_upstreams(
    draft: Draft, wanted: Wanted, found: Environment | None, kind: str, base: Path
) -> tuple[Draft, str]:
    """Return the draft with the upstreams that the packages need, and the name of the one that they come from alone."""
    if wanted.origin:
        one = find(draft, wanted.origin, wanted.upstream, base)
        if one is None:
            raise ConfigError(
                f"--from {wanted.origin}: no upstream or preset has that name",
                hint="`cudepot upstreams` lists presets",
            )
        return added(draft, one), one.name
    presets, have = load_presets(), [one for one in draft.config.upstreams if one.type == kind]
    usual = solving()[kind].words.usual
    names = [usual] if usual and not have else []
    if not usual and found is None:
        names = list(_of_distribution(wanted, draft, kind))
    for name in names:
        draft = added(draft, of_preset(draft, presets.get(name), wanted.upstream))
    return draft, ""


def _of_distribution(wanted: Wanted, draft: Draft, kind: str) -> Iterator[str]:
    """Give the presets of a distribution, and NVIDIA's for it, if none of its own is there."""
    presets, name = load_presets(), wanted.target.get("distribution", "")
    if not name:
        raise ConfigError(
            f"there is no environment {wanted.environment!r}, and no distribution was given",
            hint="create it with --distribution ubuntu2204",
        )
    tables = zip(draft.config.upstreams, draft.tables("upstream"), strict=True)
    others = [one for one, table in tables if one.type == kind and not table.get("preset", "").startswith("nvidia/")]
    if any(name in one.distributions or not one.distributions for one in others):
        return
    for one in _targets(wanted):
        yield from own_presets(one, presets)
        folder = "x86_64" if one.machine == "x86_64" else "sbsa"
        nvidia = f"nvidia/{one.distribution.nvidia}/{folder}"
        if nvidia in presets.repositories and presets.get(nvidia).vouchers:
            yield nvidia


def _targets(wanted: Wanted) -> list[Target]:
    presets, name = load_presets(), wanted.target["distribution"]
    return [target(f"{name}/{one}", presets) for one in wanted.target.get("architectures", ["x86_64"])]


def _made(draft: Draft, wanted: Wanted, kind: str, origin: str) -> Draft:
    """Return the draft with a new environment."""
    words, joiner = solving()[kind].words, _joiner(kind)
    values: dict[str, Any] = {"name": wanted.environment}
    if "distribution" in words.needed:
        machines = [one.architecture for one in _targets(wanted)] if "distribution" in wanted.target else []
        values |= {**wanted.target, "architectures": machines, "base": wanted.target.get("base", "none")}
    else:
        values |= {"platforms": ["linux-64"], **wanted.target}
    if "python" in words.needed:
        values.setdefault("python", [wanted.python])
    values[words.key] = list(dict.fromkeys(wanted.words))
    if origin and words.owner:
        values[words.owner] = _owned(wanted.words, joiner, origin)
    elif origin and words.upstreams:
        values[words.upstreams] = [origin]
    return draft.with_table("environment", values, wanted.environment, specs=wanted.words)


def _owned(specs: Sequence[str], joiner: str, origin: str) -> dict[str, str]:
    return {normal(name_in(one, joiner), joiner): origin for one in specs}


def _grown(draft: Draft, number: int, wanted: Wanted, words: EnvironmentWords, joiner: str, origin: str) -> Draft:
    """Return the draft with an environment that has more packages, or is for more."""
    table, name = draft.tables("environment")[number], wanted.environment
    lists = {words.key: replaced(table.get(words.key, []), wanted.words, joiner)}
    for key in _MANY:
        if more := [one for one in wanted.target.get(key, ()) if one not in table.get(key, [])]:
            lists[key] = [*table.get(key, []), *more]
    if origin and words.upstreams in table and origin not in table[words.upstreams]:
        lists[words.upstreams] = [*table[words.upstreams], origin]
    _check_same(table, wanted.target, name)
    note = f"[[environment]] {name}: {words.key} has {', '.join(wanted.words)}"
    changed = {key: value for key, value in lists.items() if value != table.get(key, [])}
    if changed:
        draft = draft.with_lists("environment", number, changed, name, note=note, specs=wanted.words)
    if not (origin and words.owner):
        return draft
    text = set_pairs(draft.text, "environment", number, words.owner, _owned(wanted.words, joiner, origin))
    return draft.with_text(text, name)


def _check_same(table: Mapping[str, Any], target: Mapping[str, Any], name: str) -> None:
    """Raise ConfigError where an environment is for something else than is said now."""
    for key, value in target.items():
        if key not in _MANY and str(table.get(key, value)) != str(value):
            raise ConfigError(
                f"environment {name!r} has {key} = {table[key]!r}, and {value!r} was given",
                hint="use another name for the new environment, or change this one in cudepot.toml",
            )
        if key not in _MANY and key not in table:
            raise ConfigError(f"environment {name!r} says no {key}", hint=f'set it in cudepot.toml: {key} = "{value}"')


def without_packages(draft: Draft, wanted: Wanted) -> Draft:
    """Return the draft without packages of an environment, or without all of it where none is named.

    Raises:
        ConfigError: the environment, or a package, is not there, or nothing would be left.
    """
    names = [one.name for one in draft.config.environments]
    if wanted.environment not in names:
        raise unknown_environment(wanted.environment, draft.config)
    number, name = names.index(wanted.environment), wanted.environment
    if not wanted.words:
        return draft.with_text(without_table(draft.text, "environment", number), note=f"removed [[environment]] {name}")
    for word in wanted.words:
        draft = _without(draft, number, name, word)
    return draft


def _without(draft: Draft, number: int, name: str, word: str) -> Draft:
    table = draft.tables("environment")[number]
    for kind, solves in solving().items():
        words, joiner = solves.words, _joiner(kind)
        specs = table.get(words.key, []) if words.key else []
        gone = [one for one in specs if is_about(one, word, joiner)]
        if not gone:
            continue
        left = [one for one in specs if one not in gone]
        if not left and not any(table.get(other.words.key) for other in solving().values() if other is not solves):
            raise ConfigError(
                f"without {word!r} environment {name!r} is empty",
                hint=f"`cudepot remove --environment {name}` removes it",
            )
        note = f"[[environment]] {name}: removed {', '.join(gone)}"
        owned = set(_owned(gone, joiner, "")) & set(table.get(words.owner, {}))
        text = set_pairs(draft.text, "environment", number, words.owner, {}, without=owned) if owned else draft.text
        draft = draft.with_text(text)
        return draft.with_lists("environment", number, {words.key: left}, name, note=note, specs=())
    listed = [one for solves in solving().values() for one in table.get(solves.words.key, [])]
    raise ConfigError(f"environment {name!r} does not ask for {word!r}", hint=f"it asks for {', '.join(listed)}")
