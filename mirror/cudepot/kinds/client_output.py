"""Writes files for clients into a folder, and says which of them were there with another content."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from cudepot.disk import write_atomic


def write_files(folder: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write files below a folder; return the names of those that had another content, for the user to be told."""
    replaced = tuple(name for name, content in files.items() if _is_other(folder / name, content))
    for name, content in files.items():
        write_atomic(folder / name, content)
    return tuple(sorted(replaced))


def _is_other(path: Path, content: bytes) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes() != content
    return False
