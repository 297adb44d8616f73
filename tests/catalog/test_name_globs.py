"""Globs and names find each other as fnmatch would, and without trying each on each."""

from __future__ import annotations

import random
from fnmatch import fnmatchcase

import pytest

from cudepot.catalog import name_globs
from cudepot.catalog.name_globs import Globs, Names

NAMES = ["libcudnn8", "libcudnn8-dev", "libcudnn9-cuda-12", "cuda", "cuda-toolkit-12-4", "a", "", "nccl"]
GLOBS = ["libcudnn*", "libcudnn8", "*", "*-dev", "cuda-[!t]*", "cuda?*", "lib[cn]*8", "nothing", "", "libcudnn8"]


def test_they_find_each_other_as_fnmatch_does() -> None:
    chosen = random.Random(3)
    names = [*NAMES, *("".join(chosen.choices("ab-8", k=4)) for _ in range(200))]
    globs = [*GLOBS, *("".join(chosen.choices("ab-8*?", k=3)) for _ in range(200))]
    for glob in globs:
        assert Names(names).fitting(glob) == sorted(one for one in names if fnmatchcase(one, glob)), glob
    for name in names:
        assert Globs(globs).fitting(name) == [at for at, one in enumerate(globs) if fnmatchcase(name, one)], name


def test_only_globs_that_begin_like_a_name_are_tried_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, str]] = []

    def counted(name: str, glob: str) -> bool:
        tried.append((name, glob))
        return fnmatchcase(name, glob)

    monkeypatch.setattr(name_globs, "fnmatchcase", counted)
    names, globs = [f"package{one}x" for one in range(3000)], [f"package{one}x*" for one in range(3000)]
    by_name, by_glob = Globs(globs), Names(names)
    for name, glob in zip(names, globs, strict=True):
        assert len(by_name.fitting(name)) == len(by_glob.fitting(glob)) == 1
    assert len(tried) == 6000
