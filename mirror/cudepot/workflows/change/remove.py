"""``cudepot remove``: takes packages, environments and upstreams out of cudepot.toml."""

from __future__ import annotations

from pathlib import Path

from cudepot.catalog.config.edit_tables import without_table
from cudepot.errors import ConfigError
from cudepot.workflows.change.draft import Draft, Wanted
from cudepot.workflows.change.environments import without_packages
from cudepot.workflows.change.pins import without_pins
from cudepot.workflows.change.upstreams import find


def remove(draft: Draft, wanted: Wanted, base: Path) -> Draft:
    """Return cudepot.toml without what is named.

    Args:
        draft: cudepot.toml as it is.
        wanted: packages of an environment, or none for all of it; or an upstream, and packages of it or none for all.
        base: the folder of cudepot.toml.

    Raises:
        ConfigError: it is not there, or something else needs it.
    """
    if wanted.environment:
        return without_packages(draft, wanted)
    first, *rest = wanted.words
    found = find(draft, first, {}, base) if not _is_pinned(draft, first) else None
    if found is None or found.new is not None:
        return _noted(without_pins(draft, "", wanted.words))
    return _noted(without_pins(draft, found.name, rest)) if rest else _without_upstream(draft, found.name)


def _is_pinned(draft: Draft, word: str) -> bool:
    return any(word in pin.packages for pin in draft.config.pins)


def _without_upstream(draft: Draft, name: str) -> Draft:
    """Return the draft without an upstream and its pins; raise ConfigError where an environment needs it."""
    for number in reversed(range(len(draft.config.pins))):
        if draft.config.pins[number].upstream == name:
            gone = ", ".join(draft.config.pins[number].packages)
            text = without_table(draft.text, "pin", number)
            draft = draft.with_text(text, note=f"removed [[pin]] of {name}: {gone}")
    number = [one.name for one in draft.config.upstreams].index(name)
    left = draft.with_text(without_table(draft.text, "upstream", number), note=f"removed [[upstream]] {name}")
    for one in left.config.environments:
        try:
            for _, wants in one.wants:
                wants.owners(left.config.upstreams)
        except ConfigError as error:
            raise ConfigError(
                f"environment {one.name!r} needs upstream {name!r}: {error}",
                hint=f"remove it there first, or remove the environment: cudepot remove --environment {one.name}",
            ) from error
    return left


def _noted(draft: Draft) -> Draft:
    """Return the draft with a note about upstreams that nothing asks for any more."""
    wanted = {pin.upstream for pin in draft.config.pins}
    asked = {
        one.name
        for environment in draft.config.environments
        for _, wants in environment.wants
        for one in wants.owners(draft.config.upstreams)
    }
    idle = [one.name for one in draft.config.upstreams if one.name in draft.parts - wanted - asked and not one.whole]
    for name in idle:
        draft = draft.with_text(draft.text, note=f"nothing is pinned from {name} now: `cudepot remove {name}`")
    return draft
