"""``cudepot add``: what words on the command line make of cudepot.toml."""

from __future__ import annotations

from pathlib import Path

from cudepot.errors import ConfigError
from cudepot.workflows.change.draft import Draft, Wanted
from cudepot.workflows.change.environments import with_packages
from cudepot.workflows.change.pins import with_pins
from cudepot.workflows.change.upstreams import added, find, only


def add(draft: Draft, wanted: Wanted, base: Path) -> Draft:
    """Return cudepot.toml with what is wanted.

    Args:
        draft: cudepot.toml as it is.
        wanted: packages of an environment; or an upstream, a preset or a folder, and packages of it to pin.
        base: the folder of cudepot.toml.

    Raises:
        ConfigError: it is not clear what is meant, or what is meant cannot be.
    """
    if wanted.environment:
        return with_packages(draft, wanted, base)
    first, *rest = wanted.words
    found = find(draft, first, wanted.upstream, base)
    if found is None:
        return with_pins(draft, only(draft, wanted.words).name, wanted.words, wanted.pin)
    if found.new is None and not rest:
        raise ConfigError(
            f"upstream {found.name!r} is there already", hint=f"name packages from it: cudepot add {first} PACKAGE..."
        )
    draft = added(draft, found)
    return with_pins(draft, found.name, rest, wanted.pin) if rest else draft
