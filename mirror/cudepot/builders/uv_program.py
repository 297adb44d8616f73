"""The uv that came with cudepot: it resolves environments of wheels, and makes those that wheels are built in."""

from __future__ import annotations

import os

from cudepot.errors import ConfigError


def find_uv() -> str:
    """Return the path of uv; raise ConfigError where it is gone."""
    from uv import find_uv_bin  # noqa: PLC0415 - whoever needs none does not look for it

    try:
        return os.fspath(find_uv_bin())
    except FileNotFoundError as error:
        raise ConfigError(
            "uv, which environments of wheels need, is not installed", hint="install cudepot again"
        ) from error
