"""Reads conda packages (anybody's) as streams of members that cannot do harm.

Format: CEP 35 (``.conda``: a zip of two zstd-compressed tar archives) around CEP 34.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, BinaryIO, cast

from cudepot.errors import FormatError
from cudepot.formats.archive import read_tar
from cudepot.formats.guarded import DEFAULT_LIMIT, Guard, damaged
from cudepot.formats.members import Members

_MOST_INFO = 64 << 20
_HALVES = ("info", "pkg")


def read_conda(stream: BinaryIO, *, limit: int = DEFAULT_LIMIT, what: str = "conda package") -> Members:
    """Give the members of both halves, ``info/`` first; ``stream`` must be seekable.

    Raises:
        FormatError: damaged, a half is missing, a name or link that leaves the package, or too many bytes.
    """
    with Guard(what), zipfile.ZipFile(stream) as archive:
        for half in _HALVES:
            names = [one for one in archive.namelist() if one.startswith(f"{half}-") and one.endswith(".tar.zst")]
            if len(names) != 1:
                raise damaged(what, f"{len(names)} archives {half}-*.tar.zst, but there must be exactly one")
            with archive.open(names[0]) as packed:
                yield from read_tar(cast(BinaryIO, packed), limit=limit, what=f"{what}: {names[0]}", compression="zstd")


def read_info(stream: BinaryIO, *, what: str = "conda package") -> dict[str, Any]:
    """Return the JSON documents of ``info/`` by name without folder: ``index.json``, ``paths.json`` and so on.

    Raises:
        FormatError: no conda package, a document that is not JSON, or larger than 64 MiB together.
    """
    found: dict[str, Any] = {}
    left = _MOST_INFO
    for member, content in read_conda(stream, what=what):
        if not member.name.startswith("info/"):
            break
        if content is None or member.name.count("/") > 1 or not member.name.endswith(".json"):
            continue
        left -= member.size
        if left < 0:
            raise FormatError(f"{what}: info/ is larger than allowed", hint="the file may be hostile: do not use it")
        try:
            found[member.name.removeprefix("info/")] = json.load(io.TextIOWrapper(content, "utf-8"))
        except ValueError as error:
            raise damaged(what, f"{member.name} is not JSON: {error}") from error
    return found
