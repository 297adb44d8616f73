"""``cudepot init --stack``: what stacks come to, as tables for cudepot.toml."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cudepot.catalog.config.presets import Presets
from cudepot.catalog.stacks.chosen import Chosen, StackWishes, check, choose, target
from cudepot.catalog.stacks.text import environment_name, stack_text
from cudepot.depot.nvidia_catalog import load_components
from cudepot.depot.shipped import load_presets, load_stacks
from cudepot.errors import ConfigError


class Stacked(NamedTuple):
    """Tables for cudepot.toml, what they come to by environment, and what is to be known of the wishes."""

    text: str
    environments: dict[str, Chosen]
    notes: tuple[str, ...]


def stacked(wishes: StackWishes) -> Stacked:
    """Return what stacks come to; raise ConfigError for names, versions or distributions that nobody knows."""
    stacks, presets = load_stacks(), load_presets()
    each = wishes.each()
    notes = tuple(note for one in each for note in check(one, stacks, load_components().versions()))
    targets = dict.fromkeys(target(one, presets) for one in wishes.distributions)
    chosen = _different(choose(said, one, stacks, presets) for one in targets for said in each)
    _check_keys(wishes, chosen, presets)
    named = {environment_name(wishes, one, chosen): one for one in chosen}
    return Stacked(stack_text(wishes, chosen, stacks, presets), named, tuple(dict.fromkeys(notes)))


def _different(chosen: Iterable[Chosen]) -> list[Chosen]:
    """Return what is chosen without what another CUDA makes no difference to."""
    found: list[Chosen] = []
    for one in chosen:
        if not any((one.target, one.packages) == (other.target, other.packages) for other in found):
            found.append(one)
    return found


def _check_keys(wishes: StackWishes, chosen: Sequence[Chosen], presets: Presets) -> None:
    """Raise ConfigError where a preset has no pinned key and none is given."""
    for name in (name for one in chosen for name in one.presets):
        preset = presets.get(name)
        if not (preset.vouchers or wishes.keys):
            raise ConfigError(
                f"preset {name!r} has no pinned key", hint=f"{preset.note}: give it with --upstream-key FINGERPRINT"
            )
