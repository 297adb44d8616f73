"""What a lock says of environments, and what tests want of them."""

from __future__ import annotations

import tomllib
from typing import Any

from simulator.project import Done, Project

TARGET = "linux-64-py3.12"


def want(project: Project, *wheels: str, name: str = "train", **said: Any) -> None:
    """Add an environment, of Python 3.12 on x86_64 Linux unless it is said otherwise."""
    kept = {"platforms": ["linux-64"], "python": ["3.12"]} | said
    project.add("environment", name=name, wheels=list(wheels), **kept)


def document(project: Project) -> dict[str, Any]:
    """Return the lock, parsed."""
    return tomllib.loads(project.lock.read_text())


def members(project: Project, target: str = TARGET, name: str = "train") -> list[str]:
    """Return what a target has, as the lock writes it: ``UPSTREAM/FILE; MARKER``."""
    (found,) = [one for one in document(project)["environment"] if one["name"] == name]
    (here,) = [one["members"] for one in found["target"] if one["name"] == target]
    return list(here)


def files(project: Project, target: str = TARGET, name: str = "train") -> list[str]:
    """Return the file names of a target, sorted."""
    return sorted(one.partition(";")[0].rpartition("/")[2] for one in members(project, target, name))


def versions(project: Project, target: str = TARGET, name: str = "train") -> dict[str, str]:
    """Return the versions of a target by name, as file names spell it."""
    found = (one.split("-")[:2] for one in files(project, target, name))
    return {project: version for project, version in found}  # noqa: C416 - lists of two


def artifact(project: Project, filename: str) -> dict[str, Any]:
    """Return how a file is locked."""
    (found,) = [one for one in document(project)["artifact"] if one["path"].rpartition("/")[2].endswith(filename)]
    return dict(found)


def refused(project: Project, code: int, *argv: str) -> Done:
    """Run a verb that must fail, and change neither lock nor site by it; return what it said."""
    before = project.published()
    done = project.fail(code, *argv)
    after = project.published()
    assert all(after.get(path) == mark for path, mark in before.items()), done
    return done
