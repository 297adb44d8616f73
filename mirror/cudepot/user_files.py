"""Writes files that belong to the user: whole or not at all, and with the link, the mode and the line ends they have.

They are those of the project (``cudepot.toml``, ``cudepot.lock``, ``.gitignore``, key files), and what a user has
written somewhere: files for clients, exports, units.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cudepot.disk import storage_errors, write_atomic
from cudepot.errors import ConfigError


def write_user_file(path: Path, data: bytes) -> bool:
    """Write a file through the link it may be, with the mode it has; return whether other content was there.

    A link that somebody else made is replaced, not followed: it could lead to any file that this user may write.

    Raises:
        StorageError: the disk refuses; the file is as it was.
        ConfigError: a folder is in its place, or a file in that of its folder.
    """
    try:
        with storage_errors(path):
            return _written(path.resolve() if path.is_symlink() and _is_trusted(path) else path, data)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        where = error.filename2 or error.filename or path
        raise ConfigError(f"{where}: {error.strerror}", hint="it is in the way: move it, or write elsewhere") from error


def _written(path: Path, data: bytes) -> bool:
    before = path.read_bytes() if path.is_file() else None
    write_atomic(path, data, mode=0o644 if before is None else path.stat().st_mode & 0o777)
    return before is not None and before != data


def write_user_files(folder: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write files below a folder; return the names of those that had other content, sorted."""
    return tuple(sorted(name for name, data in files.items() if write_user_file(folder / name, data)))


def write_user_text(path: Path, text: str) -> bool:
    """Write a text likewise, with the line ends that the file has."""
    lines = text.replace("\r\n", "\n")
    if path.is_file() and b"\r\n" in path.read_bytes():
        lines = lines.replace("\n", "\r\n")
    return write_user_file(path, lines.encode(errors="surrogateescape"))


def _is_trusted(link: Path) -> bool:
    """Return whether a link was made by this user, by root, or by the owner of the folder, as Linux asks in /tmp."""
    return link.lstat().st_uid in (0, os.geteuid(), link.parent.stat().st_uid)
