"""The guide's sections as data, and what docs/nvidia-guide.md has one type for each of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "nvidia-guide.md"
SITE = "https://packages.example"
"""How the page writes the site's address."""
SITES = ("whole folder", "pinned folder", "whole bucket", "pinned bucket")
_HEADING = re.compile(r"^##+ (.+)\n", re.MULTILINE)
_BLOCK = re.compile(r"```(sh|powershell)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Run:
    """One way to try a section: variables of the shell, and the sites to try it on."""

    variables: Mapping[str, str]
    on: tuple[str, ...]


@dataclass(frozen=True)
class After:
    """What must be true after a section; ``${…}`` are variables of the run."""

    debs: Mapping[str, str] = field(default_factory=dict)
    rpms: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    says: str = ""


@dataclass(frozen=True)
class Section:
    """One section of a guide; its file says what the fields mean."""

    title: str
    nvidia: str
    client: str
    runs: tuple[Run, ...]
    differs: str = ""
    first: tuple[str, ...] = ()
    versions: tuple[Mapping[str, str], ...] = ()
    upgrade: tuple[str, ...] = ()
    after: After = After()

    @property
    def same(self) -> str:
        """NVIDIA's lines with the host replaced."""
        return self.nvidia.replace("HOST", SITE)

    @property
    def blocks(self) -> list[str]:
        """What the page has one type."""
        return ON_PAGE[self.title]

    def expected(self, kind: str, variables: Mapping[str, str]) -> dict[str, str]:
        """Return package → version for ``debs`` or ``rpms``."""
        told: Mapping[str, str] = getattr(self.after, kind)
        return {name: Template(text).substitute(variables) for name, text in told.items()}


def _on_page() -> dict[str, list[str]]:
    """Return heading → its blocks of commands."""
    _, *parts = _HEADING.split(PAGE.read_text())
    bodies = zip(parts[::2], parts[1::2], strict=True)
    return {heading: [text for _, text in _BLOCK.findall(body)] for heading, body in bodies}


def _section(row: dict[str, Any]) -> Section:
    runs = [Run({key: text for key, text in one.items() if key != "on"}, tuple(one["on"])) for one in row.pop("runs")]
    after = row.pop("after", {})
    after["files"] = tuple(after.get("files", ()))
    lists = {key: tuple(row.pop(key, ())) for key in ("first", "versions", "upgrade")}
    return Section(**row, **lists, runs=tuple(runs), after=After(**after))


ON_PAGE = _on_page()
SECTIONS = {
    row["title"]: _section(row)
    for name in ("v8_0_5.toml", "today.toml")
    for row in tomllib.loads((HERE / name).read_text())["section"]
}
