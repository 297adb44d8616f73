"""Names that come from outside, made safe to use as relative paths."""

from __future__ import annotations

import posixpath
import re

from cudepot.errors import FormatError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def plain_path(name: str) -> str:
    """Return ``name`` made safe, or an empty string where that cannot be done."""
    try:
        return safe_name(name)
    except FormatError:
        return ""


def safe_name(name: str) -> str:
    """Return ``name`` as a relative POSIX path; raise FormatError when it could leave its folder.

    ``./x`` and ``x//y`` are normalised; absolute names, ``..``, backslashes, NUL and other control characters
    are refused.
    """
    if not name or name.startswith("/") or "\\" in name or _CONTROL.search(name):
        raise FormatError(f"unsafe path {name[:200]!r}", hint="the file may be hostile: do not use it")
    if ".." in name.split("/"):
        raise FormatError(f"path {name[:200]!r} leaves its folder", hint="the file may be hostile: do not use it")
    clean = posixpath.normpath(name)
    if clean == ".":
        raise FormatError(f"path {name!r} names no file")
    return clean
