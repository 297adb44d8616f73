"""The solver beside dnf itself, on many small random repositories: the same packages, or none for both."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast

from simulator.process import clean_env
from tests.kinds.yum.el_world import ASK
from tests.kinds.yum.random_repositories import NAMES, write_random

from cudepot.errors import PinError
from cudepot.formats.filelists import owners_of
from cudepot.kinds.yum.reading import Look, add_paths
from cudepot.kinds.yum.rules.groups import Groups
from cudepot.kinds.yum.rules.joint import solved
from cudepot.kinds.yum.rules.machine import Roots, activate, question
from cudepot.kinds.yum.rules.streams import Modules
from cudepot.kinds.yum.rules.union import Repository, Union

COUNT = 100


def test_random_repositories_are_solved_as_dnf_solves_them(tmp_path: Path) -> None:
    cases = [_case(tmp_path / str(seed), seed) for seed in range(COUNT)]
    found = _dnf(tmp_path, [{**one, "best": True} for one in cases])
    failed = [number for number, one in enumerate(found) if "error" in one]
    for number, one in zip(failed, _dnf(tmp_path, [{**cases[at], "best": False} for at in failed]), strict=True):
        found[number] = one
    theirs = [one.get("packages") for one in found]
    for seed, one in enumerate(cases):
        assert _ours(tmp_path / str(seed), one) == theirs[seed], (seed, one["names"], one["weak"], found[seed])
    assert None in theirs
    assert len([one for one in theirs if one]) > COUNT / 2


def _case(folder: Path, seed: int) -> dict[str, Any]:
    dice = random.Random(seed)
    repositories = []
    for number in range(2):
        write_random(folder / f"r{number}", seed * 2 + number)
        priority = dice.choice((99, 99, 50))
        repositories.append({"name": f"r{number}", "url": (folder / f"r{number}").as_uri(), "priority": priority})
    names = dice.sample(NAMES, dice.choice((1, 2, 3)))
    return {"repositories": repositories, "names": names, "weak": dice.random() < 0.5}


def _dnf(folder: Path, asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["/usr/bin/python3", "-I", str(ASK)], input=json.dumps([str(folder / "dnf"), asked]), capture_output=True,
        text=True, check=False, env=clean_env(HOME=str(folder)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def _ours(folder: Path, asked: Mapping[str, Any]) -> list[str] | None:
    """Return what we choose, as dnf's answer has it; None for nothing."""
    with ExitStack() as stack:
        repositories = [_opened(folder, one, stack) for one in asked["repositories"]]
        union = Union("x86_64", repositories)
    roots = Roots(asked["names"], recommends=asked["weak"])
    owners = [(one["name"], _look(folder / one["name"])) for one in asked["repositories"]]
    try:
        active = activate(union, Modules(()), roots, "")
        question_, _ = question(union, active, Groups(()), roots)
    except PinError:
        return None
    first = [each for one in question_.wishes for each in one.packages]
    add_paths(union, owners, first)
    answer = solved(union, question_)
    if answer.refused:
        return None
    return sorted(f"{union.upstreams[one]} {union.packages[one].nevra}" for one in answer.chosen)


def _opened(folder: Path, one: Mapping[str, Any], stack: ExitStack) -> Repository:
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    file.write(gzip.decompress((folder / one["name"] / "repodata/primary.xml.gz").read_bytes()))
    file.flush()
    return Repository(one["name"], file, one["name"], lambda _: False, one["priority"])


def _look(folder: Path) -> Look:
    def look(paths: set[str]) -> Mapping[str, Sequence[str]]:
        with gzip.open(folder / "repodata/filelists.xml.gz") as text:
            return owners_of(cast(BinaryIO, text), paths, "filelists")

    return look
