"""conda's environment files: match specs, channels, and what pip is to install."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cudepot.errors import ConfigError
from cudepot.kinds.rules.conda_files.asked import FileAsked, Line
from cudepot.kinds.rules.conda_files.yaml_tree import Node

_PIP = "pip"
_NO_DEFAULTS = "nodefaults"
_SELECTOR = re.compile(r"#\s*\[[a-z0-9 ]+\]\s*$")


def asked_by_environment(root: Node, data: bytes) -> FileAsked:
    """Return what an environment file asks for.

    Args:
        root: what it says.
        data: its bytes, for the comments.

    Raises:
        ConfigError: something in it is not as such files are.
    """
    entries = root.get("dependencies").each()
    channels = (one for one in root.get("channels").each() if one.text() != _NO_DEFAULTS)
    return FileAsked(
        specs=tuple(spec(one.text(), one.where) for one in entries if isinstance(one.value, str)),
        channels=tuple(Line(one.text(), one.where) for one in channels),
        pip=tuple(line for one in entries if not isinstance(one.value, str) for line in _pip(one)),
        notes=tuple(_selectors(entries, data)),
    )


def spec(text: str, where: str, platform: str = "") -> Line:
    """Return a match spec, apart from the channel it names."""
    channel, colons, rest = text.partition("::")
    found = rest if colons else text
    if not found.strip():
        raise ConfigError(f"{where}: expected a match spec", hint="for example `python=3.12`, `numpy >=2,<3`")
    return Line(found.strip(), where, platform, channel.strip() if colons else "")


def _pip(entry: Node) -> Iterator[Line]:
    for key, inner in entry.mapping().items():
        if key != _PIP:
            hint = "use a separate file, or a separate [[environment]], for each platform"
            raise ConfigError(f"{inner.where}: {key!r} is not part of an environment file", hint=hint)
        yield from (Line(one.text(), one.where) for one in inner.each())


def _selectors(entries: list[Node], data: bytes) -> Iterator[str]:
    """Give a line for each entry that only conda-lock would take for some platforms alone."""
    lines = data.decode("utf-8-sig").splitlines()
    for one in entries:
        if isinstance(one.value, str) and one.line <= len(lines) and _SELECTOR.search(lines[one.line - 1]):
            yield f"{one.where}: conda takes the brackets after # as a comment, so they are not followed"
