"""Finds what comes with cudepot: ``recipes``, ``channel-config``, and the package that far sides run alone."""

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


def far_folder() -> Path:
    """Return the folder of the package ``cudepot_far``, which is beside this one.

    Raises:
        ConfigError: it does not.
    """
    found = Path(__file__).parent.parent / "cudepot_far"
    if not (found / "__main__.py").is_file():
        raise ConfigError("the package cudepot_far is missing next to cudepot", hint="install cudepot again")
    return found
