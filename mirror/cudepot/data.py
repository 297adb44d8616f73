"""Finds the data that comes with cudepot: ``recipes`` and ``channel-config``."""

from __future__ import annotations

from pathlib import Path

from cudepot.errors import ConfigError


def data_folder(name: str) -> Path:
    """Return the folder ``name`` of the installed package, or of the checkout it runs from.

    Raises:
        ConfigError: neither has it.
    """
    package = Path(__file__).parent
    for candidate in (package / "_data" / name, package.parent.parent / name):
        if candidate.is_dir():
            return candidate
    raise ConfigError(f"cudepot's own data folder {name!r} is missing", hint="install cudepot again")
