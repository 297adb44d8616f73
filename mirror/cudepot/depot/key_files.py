"""Finds the file of a keyring: the project's own, else the one of that name which comes with cudepot.

Which key may sign is decided by the fingerprints that are pinned, never by where a file came from.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.catalog.config.upstream import Upstream
from cudepot.data import data_folder

if TYPE_CHECKING:
    from cudepot.openpgp import PublicKey

_NAME = re.compile(r"keys/[0-9a-zA-Z]+\.pub")


def key_file(base: Path, name: str) -> Path:
    """Return where the key file ``name`` of ``keyrings`` is read; the project's place where nobody has it.

    Args:
        base: project folder.
        name: as cudepot.toml or a preset has it, relative to ``base``.
    """
    own = base / name
    return own if own.exists() or not is_shipped(name) else shipped_keys() / name.rpartition("/")[2]


def is_shipped(name: str) -> bool:
    """Return whether the key file ``name``, as a preset has it, comes with cudepot."""
    return bool(_NAME.fullmatch(name)) and (shipped_keys() / name.rpartition("/")[2]).is_file()


def key_files(base: Path, upstream: Upstream) -> list[Path]:
    """Return where all key files of an upstream are read."""
    return [key_file(base, name) for name in upstream.keyrings]


def keys_in_files(base: Path, upstream: Upstream) -> list[PublicKey]:
    """Return the public keys in all key files of an upstream; raise ConfigError where one cannot be read."""
    from cudepot.signing.keys import read_keys  # noqa: PLC0415 - every run asks for files, few look into them

    return [key for file in key_files(base, upstream) for key in read_keys(file)]


def shipped_keys() -> Path:
    """Return the folder of the key files that come with cudepot."""
    return data_folder("channel-config") / "upstreams" / "keys"
