"""Reads the project's cudepot.toml, and says at which line and column of it an error is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import tomli

from cudepot.catalog.config.config import Config
from cudepot.errors import ConfigError
from cudepot.workflows.configuration import parse_text

if TYPE_CHECKING:
    from cudepot.catalog.config.presets import Preset

_CORRECT = "correct the line it names"


def load_config(base: Path) -> Config:
    """Read cudepot.toml in ``base``; raise ConfigError when it is missing or malformed."""
    path, text = base / "cudepot.toml", ""
    try:
        text = path.read_text("utf-8")
        return parse_text(text, machine_place, partial(_locked_at, base))
    except ConfigError as error:
        hint = error.hint or "`cudepot explain formats` describes every key"
        raise _at(f"{path}{_where(text, error)}", str(error), hint) from error
    except FileNotFoundError as error:
        raise _at(str(path), "not found", "run `cudepot init`, or give the folder with -C") from error
    except tomli.TOMLDecodeError as error:
        raise _at(f"{path}:{error.lineno}:{error.colno}", f"not TOML: {error}", _CORRECT) from error
    except (ValueError, RecursionError) as error:
        raise _at(str(path), f"not TOML: {error}", _CORRECT) from error


def _locked_at(base: Path, name: str) -> str:
    """Return the URL that an upstream was locked from; empty where there is no lock that says so."""
    try:
        found = tomli.loads((base / "cudepot.lock").read_text("utf-8")).get("upstream", [])
    except (OSError, ValueError, RecursionError):
        return ""
    tables = found if isinstance(found, list) else []
    urls = (one.get("url") for one in tables if isinstance(one, dict) and one.get("name") == name)
    return next((one for one in urls if isinstance(one, str)), "")


def _at(where: str, message: str, hint: str) -> ConfigError:
    error = ConfigError(f"{where}: {message}", hint=hint)
    error.where = where
    return error


def _where(text: str, error: ConfigError) -> str:
    """Return the line and column of what an error names, as ``:14:12``; empty where it names nothing of the text."""
    from cudepot.catalog.config.places import pointed

    found = pointed(text, str(error))
    return f":{found}" if found else ""


def machine_place(preset: Preset, kin: Sequence[Preset]) -> str:
    """Return the URL that this machine is configured for, of a preset that leaves it to the machine."""
    if preset.is_signed:
        from cudepot.cli.machine_archive import machine_archive

        return machine_archive(preset, kin)
    from cudepot.cli.machine_index import machine_index

    return machine_index()


def config_if_any(base: Path) -> Config:
    """Return the configuration of the project in ``base``, or all defaults where there is none."""
    return load_config(base) if (base / "cudepot.toml").exists() else parse_text("version = 1")
