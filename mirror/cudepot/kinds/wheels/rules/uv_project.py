"""What uv is given: a project that wants what the environment wants, and a lock that says what to keep.

Sources: uv's documentation of ``[tool.uv]`` and its lock (version 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tomli_w

from cudepot.kinds.wheels.rules.question import Question
from cudepot.kinds.wheels.rules.requirement import read_requirement
from cudepot.kinds.wheels.rules.target import Target, marker, markers

PROJECT = "cudepot-environment"
"""What uv believes the project is called."""


def render_project(question: Question, running: tuple[int, int]) -> str:
    """Return ``pyproject.toml``; ``running`` is the version of the Python that uv is run with.

    Raises:
        ConfigError: a requirement is none, or names a URL.
    """
    bound = {"constraint-dependencies": _texts(question.constraints, "constraints")}
    if question.overrides:
        bound["override-dependencies"] = _texts(question.overrides, "overrides")
    project = {
        "name": PROJECT,
        "version": "0",
        "requires-python": _pythons(question.targets, running),
        "dependencies": _texts(question.roots, "wheels"),
    }
    settings = {"package": False, "environments": markers(question.targets)}
    return tomli_w.dumps({"project": project, "tool": {"uv": settings | bound}})


def _texts(requirements: Sequence[str], where: str) -> list[str]:
    return [str(read_requirement(one, f"`{where}`")) for one in requirements]


def _pythons(targets: Sequence[Target], running: tuple[int, int]) -> str:
    """Return a range that has the targets in it, and the Python uv is run with, or it would look for another."""
    return ">={}.{}".format(*min([*(one.minor for one in targets), running]))


def render_preferences(question: Question, index: str, running: tuple[int, int]) -> str:
    """Return a ``uv.lock`` of which uv keeps the versions that still fit; empty where there is nothing to keep.

    Args:
        question: what is asked.
        index: URL of the index that is shown to uv.
        running: version of the Python that uv is run with.
    """
    if not question.preferred:
        return ""
    places: dict[tuple[str, str], list[Target]] = {}
    for one in question.preferred:
        places.setdefault((one.project, one.version), []).append(one.target)
    several = {name for name, _ in places if sum(1 for other, _ in places if other == name) > 1}
    packages = [_package(key, found, index, apart=key[0] in several) for key, found in sorted(places.items())]
    found = {"version": 1, "requires-python": _pythons(question.targets, running), "package": packages}
    return tomli_w.dumps(found)


def _package(key: tuple[str, str], targets: Sequence[Target], index: str, *, apart: bool) -> Mapping[str, object]:
    found: dict[str, object] = {"name": key[0], "version": key[1], "source": {"registry": index}}
    return found | ({"resolution-markers": sorted(set(map(marker, targets)))} if apart else {})
