"""Who needs whom among the wheels of a target, how it is told, and what differs between two solutions."""

from __future__ import annotations

import pytest

from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import ENVIRONMENT, Artifact, Lock, LockedEnvironment, LockedTarget, Member
from cudepot.catalog.solution.diff import moves
from cudepot.catalog.solution.graph import Graph, by_place, files_of
from cudepot.catalog.solution.tree import lines
from cudepot.catalog.solution.why import why
from cudepot.digest import Digest
from cudepot.errors import PinError
from cudepot.kinds.wheels.rules.graph import graph

LINUX = {"sys_platform": "linux", "python_full_version": "3.12.0", "python_version": "3.12"}
LATER = {"sys_platform": "linux", "python_full_version": "3.12.4", "python_version": "3.12"}
WINDOWS = {"sys_platform": "win32", "python_full_version": "3.12.0", "python_version": "3.12"}


def wheel(name: str, version: str, *requires: str, why: str = ENVIRONMENT) -> Artifact:
    filename = f"{name}-{version}-py3-none-any.whl"
    return Artifact(
        "pypi", ArtifactKind.WHEEL, name, version, "any", filename, filename,
        Digest.of(filename.encode() * len(name)), why, requires=requires,
    )  # fmt: skip


TORCH = (
    wheel("torch", "2.9.1", "sympy", "jinja2", 'triton; sys_platform == "linux"', 'opt; extra == "opt-einsum"'),
    wheel("sympy", "1.14", "mpmath<1.4"),
    wheel("jinja2", "3.1.6", "MarkupSafe>=2"),
    wheel("markupsafe", "3.0"),
    wheel("mpmath", "1.3.0"),
    wheel("triton", "3.5.1", "sympy", "jinja2", why="pin"),
)


def target(name: str, *files: Artifact) -> LockedTarget:
    fields = (("platform", name.rpartition("-")[0]), ("python", "3.12"))
    return LockedTarget(name, fields, tuple(Member(one.upstream, one.filename) for one in files))


def locked(*targets: LockedTarget, files: tuple[Artifact, ...] = TORCH, roots: tuple[str, ...] = ("torch",)) -> Lock:
    return Lock(artifacts=files, environments=(LockedEnvironment("train", "simple", "", roots, targets),))


def of(environment: LockedEnvironment, one: LockedTarget, files: tuple[Artifact, ...] = TORCH) -> Graph:
    machine = WINDOWS if one.name.startswith("win") else LINUX
    return graph(environment.roots, files_of(one, by_place(files)).values(), [machine])


def test_a_requirement_counts_where_it_holds() -> None:
    assert graph(["Torch"], TORCH, [LINUX]).needs["torch"] == ("jinja2", "sympy", "triton")
    assert graph(["Torch"], TORCH, [WINDOWS]).needs["torch"] == ("jinja2", "sympy")


def test_an_extra_brings_what_it_asks_for_and_so_on_down() -> None:
    files = (
        wheel("app", "1", "lib[fast]"),
        wheel("lib", "1", 'quick; extra == "fast"', 'slow; extra == "slow"', "base"),
        *(wheel(name, "1") for name in ("quick", "slow", "base")),
    )
    found = graph(["app"], files, [LINUX])
    assert found.needs == {"app": ("lib",), "lib": ("base", "quick")}


def test_what_only_some_patch_levels_need_is_needed() -> None:
    files = (wheel("app", "1", 'shim; python_full_version < "3.12.4"'), wheel("shim", "1"))
    assert graph(["app"], files, [LATER]).needs == {}
    assert graph(["app"], files, [LATER, LINUX]).needs == {"app": ("shim",)}


def test_packages_that_need_each_other_are_told_once() -> None:
    files = (wheel("a", "1", "b"), wheel("b", "1", "a"))
    found = graph(["a"], files, [LINUX])
    assert [(one.depth, one.name, one.again) for one in lines(found)] == [
        (0, "a", False),
        (1, "b", False),
        (2, "a", True),
    ]
    assert found.chains("b") == (("a", "b"),)


def test_the_tree_counts_each_file_once() -> None:
    told = {(one.depth, one.name): one for one in lines(graph(["torch"], TORCH, [LINUX]))}
    assert told[0, "torch"].below == sum(one.digest.size for one in TORCH)
    assert told[1, "sympy"].below == sum(one.digest.size for one in TORCH if one.name in ("sympy", "mpmath"))
    assert told[2, "sympy"].again
    assert (3, "mpmath") not in told


def test_why_names_the_shortest_way_and_where_it_holds() -> None:
    lock = locked(target("linux-64", *TORCH), target("win-64", *TORCH[:-1]))
    found = why(lock, "MPMath", of)
    assert [(one.targets, one.chain) for one in found.ways] == [
        (("linux-64", "win-64"), ("torch 2.9.1", "sympy 1.14", "mpmath 1.3.0"))
    ]
    assert not found.pins
    assert [(one.upstream, one.why) for one in why(lock, "triton", of).pins] == [("pypi", "pin")]
    assert [one.targets for one in why(lock, "triton", of).ways] == [("linux-64",)]
    assert [one.ways[0].everywhere for one in (found, why(lock, "triton", of))] == [True, False]


def test_why_of_something_that_is_not_there_names_what_is_near() -> None:
    with pytest.raises(PinError, match="nothing named 'simpy'") as caught:
        why(locked(target("linux-64", *TORCH)), "simpy", of)
    assert caught.value.hint == "did you mean sympy?"


def test_projects_go_up_and_down_come_and_go_where_they_do() -> None:
    files = (wheel("torch", "2.9.0"), wheel("sympy", "1.15"), wheel("old", "1"), wheel("jinja2", "3.1.6"))
    before = locked(target("linux-64", *files), target("win-64", *files[:2]), files=files)
    after = locked(target("linux-64", *TORCH), target("win-64", *TORCH[:2]))
    found = {(one.name, one.before, one.after, one.direction, one.targets) for one in moves(before, after)}
    assert found == {
        ("torch", "2.9.0", "2.9.1", "up", ()),
        ("sympy", "1.15", "1.14", "down", ()),
        ("old", "1", "", "gone", ("linux-64",)),
        ("markupsafe", "", "3.0", "new", ("linux-64",)),
        ("mpmath", "", "1.3.0", "new", ("linux-64",)),
        ("triton", "", "3.5.1", "new", ("linux-64",)),
    }
    assert not moves(after, after)
