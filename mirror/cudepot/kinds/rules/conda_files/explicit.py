"""Explicit files: URLs of packages, each with its md5 or sha256, for one platform.

Format: as ``conda list --explicit --md5`` and ``--sha256`` write them, and conda-lock's ``render -k explicit``, which
puts wheels into comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from cudepot.errors import ConfigError
from cudepot.kinds.rules.conda_files.asked import FileAsked, Line, Pinned
from cudepot.kinds.rules.conda_files.urls import pinned, wheel_line, with_hash

_NOARCH = "noarch"
_PLATFORM = re.compile(r"#\s*platform:\s*(?P<platform>[a-z0-9-]+)\s*")
_WHEEL = re.compile(r"#\s*pip\s+(?P<requirement>(?P<name>\S+)\s.*)")
_FILE = re.compile(r"/[^/\s-]+-(?P<version>[^/\s-]+)-[^/\s#]+\.whl\b")
_SHA256 = re.compile(r"\bsha256[=:](?P<sha256>[0-9A-Fa-f]{64})\b")
_MARK = re.compile(r"^\s*@EXPLICIT\s*$", re.MULTILINE)


def is_explicit(text: str) -> bool:
    """Return whether a file is one."""
    return _MARK.search(text) is not None


def asked_by_explicit(name: str, text: str) -> FileAsked:
    """Return what an explicit file asks for.

    Args:
        name: of the file, for messages.
        text: what it says.

    Raises:
        ConfigError: a line is none of such a file, or it is for several platforms.
    """
    lines = [Line(line.strip(), f"{name}:{number}") for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    packages = [_package(one) for one in lines if not one.text.startswith(("#", "@"))]
    platform = _platform(name, lines, packages)
    return FileAsked(
        pinned=tuple(one._replace(platform=platform) for one in packages),
        channels=tuple(_channels(packages)),
        platforms=(platform,) if platform else None,
        pip=tuple(Line(text, one.where, platform) for one in lines if (text := _wheel(one.text))),
    )


def _package(line: Line) -> Pinned:
    url, sharp, hashed = line.text.partition("#")
    found = pinned(url.strip(), line.where)
    return with_hash(found, hashed.strip()) if sharp else found


def _wheel(comment: str) -> str:
    """Return the requirement that a comment is, with the version its wheel's name has; empty where it is none."""
    found = _WHEEL.fullmatch(comment)
    if not found:
        return ""
    file, sha256 = _FILE.search(comment), _SHA256.search(comment)
    if not file:
        return found["requirement"]
    return wheel_line(found["name"], unquote(file["version"]), sha256["sha256"] if sha256 else "")


def _platform(name: str, lines: list[Line], packages: list[Pinned]) -> str:
    """Return the platform a file is for; empty where it has only what is for all."""
    told = next((found["platform"] for one in lines if (found := _PLATFORM.fullmatch(one.text))), "")
    subdirs = {one.subdir for one in packages} - {_NOARCH}
    if len(subdirs | ({told} if told else set())) > 1:
        raise ConfigError(
            f"{name}: packages of {', '.join(sorted((subdirs | {told}) - {''}))} in one explicit file",
            hint="make one file for each platform",
        )
    return told or next(iter(subdirs), "")


def _channels(packages: list[Pinned]) -> Iterator[Line]:
    seen: set[str] = set()
    for one in packages:
        if one.channel not in seen:
            seen.add(one.channel)
            yield Line(one.channel, one.where)
