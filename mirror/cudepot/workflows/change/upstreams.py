"""Which upstream a word means: one of cudepot.toml, a preset, a folder, or a new one that options describe."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cudepot.catalog.config.presets import Preset, Presets
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.nvidia.first_pins import repository
from cudepot.depot.key_files import is_shipped
from cudepot.depot.shipped import load_presets
from cudepot.errors import ConfigError
from cudepot.kinds.registry import OF_FILES
from cudepot.workflows.change.draft import Draft

_VENDOR = "nvidia"


class Found(NamedTuple):
    """An upstream that is there, or what its table would say."""

    name: str
    new: Mapping[str, Any] | None = None


def find(draft: Draft, word: str, given: Mapping[str, Any], base: Path) -> Found | None:
    """Return what a word means; None where it is no upstream, but a package most likely.

    Args:
        draft: cudepot.toml.
        word: name of an upstream or preset, its short form (``ubuntu2204``), or a folder.
        given: keys of the upstream that options say.
        base: the folder of cudepot.toml.

    Raises:
        ConfigError: it may mean several, or a preset is used that has no pinned key.
    """
    if name := _there(draft, word):
        return Found(name)
    presets = load_presets()
    if "type" in given:
        return Found(given.get("name", word), {"name": word, **given})
    if preset := preset_for(word, presets):
        return of_preset(draft, preset, given)
    if (Path(word).is_dir() or (base / word).is_dir()) and ("/" in word or "." in word):
        path = Path(word) if Path(word).is_dir() else base / word
        name = given.get("name") or re.sub(r"[^a-z0-9._+-]+", "-", path.resolve().name.lower()).strip("-.+_")
        return Found(name, {"name": name, "type": OF_FILES, "path": below(path, base)})
    return None


def below(path: Path, base: Path) -> str:
    """Return a path as cudepot.toml has it: relative to its folder where it is inside."""
    full = path.resolve()
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else str(full)


def _there(draft: Draft, word: str) -> str:
    """Return the name of the upstream of cudepot.toml that a word means; empty for none."""
    names = [one.name for one in draft.config.upstreams]
    if word in names:
        return word
    by_preset = [
        one.name
        for one, table in zip(draft.config.upstreams, draft.tables("upstream"), strict=True)
        if table.get("preset") in (word, f"{_VENDOR}/{repository(word)}") and "label" not in table
    ]
    short = [one for one in names if one.startswith(f"{word}/")]
    found = by_preset or short
    if len(found) > 1:
        raise ConfigError(f"{word!r} may mean {', '.join(found)}", hint="give the full name")
    return found[0] if found else ""


def preset_for(word: str, presets: Presets) -> Preset | None:
    """Return the preset that a word means: by its name, short for NVIDIA's, or by what its upstream is called."""
    for name in (word, f"{_VENDOR}/{word}", f"{_VENDOR}/{repository(word)}"):
        if name in presets.repositories:
            return presets.repositories[name]
    called = [one for one in presets.repositories.values() if one.upstream == word]
    return called[0] if called else None


def of_preset(draft: Draft, preset: Preset, given: Mapping[str, Any]) -> Found:
    """Return the upstream that has a preset; raise ConfigError where it needs a key that nobody gave."""
    name = str(given.get("name") or preset.upstream)
    if any(one.name == name for one in draft.config.upstreams):
        return Found(name)
    if preset.is_signed and not preset.vouchers and "keys" not in given:
        signed = f"it was signed by {', '.join(preset.former)}" if preset.former else preset.note
        raise ConfigError(
            f"preset {preset.name!r} has no pinned key",
            hint=f"{signed}; then give it: --key FINGERPRINT --keyring FILE",
        )
    return Found(name, {"preset": preset.name, **given, **_keyrings(preset, given)})


def _keyrings(preset: Preset, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return key files that are given beside those that come with cudepot; none where none is given."""
    if "keyrings" not in given or "keys" in given:
        return {}
    names = [load_presets().key(one).local for one in dict.fromkeys((*preset.keys, *preset.rpm_keys))]
    return {"keyrings": [*given["keyrings"], *(one for one in names if is_shipped(one))]}


def added(draft: Draft, found: Found) -> Draft:
    """Return the draft with an upstream, if it is not there."""
    if found.new is None:
        return draft
    return draft.with_table("upstream", found.new, found.name)


def only(draft: Draft, words: tuple[str, ...]) -> Upstream:
    """Return the one upstream that packages can be pinned of; raise ConfigError where that is not clear."""
    able = [one for one in draft.config.upstreams if not one.whole]
    if len(able) == 1:
        return able[0]
    names = [one.name for one in able]
    near = difflib.get_close_matches(words[0], [*names, *load_presets().repositories], 3, 0.6)
    hint = f"name where they come from: cudepot add UPSTREAM {' '.join(words)}"
    hint += f"; did you mean {' or '.join(near)}?" if near else ""
    known = f"; upstreams here: {', '.join(names)}" if names else "; `cudepot upstreams` lists what cudepot knows"
    raise ConfigError(f"{words[0]!r} is not an upstream, and it is not clear which one has it", hint=hint + known)
