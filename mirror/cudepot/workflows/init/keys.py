"""Key files of upstreams that cudepot does not bring: which are lacking, and where one that somebody has goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.config.upstream import Upstream
from cudepot.depot.key_files import is_shipped, key_file
from cudepot.depot.shipped import load_presets
from cudepot.errors import ConfigError
from cudepot.signing.keys import read_keys
from cudepot.user_files import write_user_file


class KeyFiles(NamedTuple):
    """Key files of a project: path in it → the file that goes there; and what somebody has to bring, a line each."""

    found: Mapping[str, Path]
    lacking: tuple[str, ...]


def key_files(base: Path, upstreams: Sequence[Upstream], given: Iterable[Path]) -> KeyFiles:
    """Return where given files go, and which others are lacking.

    Raises:
        ConfigError: a file holds no key that is pinned for one of the upstreams.
    """
    presets, found = load_presets(), dict[str, Path]()
    pinned = {key for one in upstreams for key in (*one.keys, *one.package_keys)}
    for file in given:
        keys = [one.fingerprint for one in read_keys(file)]
        if not pinned.intersection(keys):
            raise ConfigError(
                f"{file}: holds {', '.join(keys)}, but no upstream here is signed with it",
                hint=f"pinned: {', '.join(sorted(pinned)) or 'no keys'}",
            )
        found |= {presets.key(one).local: file for one in keys if one in pinned}
    wanted = {name: one for one in upstreams for name in one.keyrings}
    lacking = [name for name in wanted if name not in found and not key_file(base, name).is_file()]
    lines = tuple(f"{base / name}: {presets.where_from(name, _keys(wanted[name]))}" for name in lacking)
    return KeyFiles(found, lines)


def _keys(upstream: Upstream) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*upstream.keys, *upstream.package_keys)))


def put_in_place(base: Path, files: KeyFiles) -> None:
    """Copy key files into the project."""
    for name, file in files.found.items():
        write_user_file(base / name, file.read_bytes())


def brought(fingerprints: Iterable[str]) -> bool:
    """Return whether the files of all keys come with cudepot."""
    return all(is_shipped(load_presets().key(one).local) for one in fingerprints)
