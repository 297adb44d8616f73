"""Pauses grow, end with the time there is, and what is asked after them is asked past caches."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import cast

from simulator.project import Project

from cudepot.catalog.config.upstream import Upstream
from cudepot.cli.progress import Silent
from cudepot.cli.project_file import load_config
from cudepot.depot.depot import Depot
from cudepot.depot.rounds import MAX_PAUSE, rounds
from cudepot.store.local import LocalStore
from cudepot.transport.folder.source import FolderSource


class Clock:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += datetime.timedelta(seconds=seconds)


class Marked(FolderSource):
    """Tells whether it was asked past caches."""

    marked = False

    def fresh(self) -> Marked:
        other = Marked(self.root)
        other.marked = True
        return other


def depot(project: Project, clock: Clock) -> Depot:
    def never(*_: object) -> object:
        raise AssertionError("not needed here")

    return Depot(
        base=project.base, config=load_config(project.base), store=LocalStore(project.store),
        source=lambda _: Marked(Path("/")), verifier=never, signer=never, site_verifier=never,  # type: ignore[arg-type]
        site_of=never,  # type: ignore[arg-type]
        clock=lambda: clock.now, recipes=Path("/"), epoch=0, progress=Silent(), sleep=clock.sleep,
    )  # fmt: skip


def test_pauses_double_up_to_a_limit_and_use_the_time_up(project: Project) -> None:
    clock = Clock()
    seen = list(rounds(depot(project, clock), 1500))
    assert len(seen) == len(clock.naps) + 1
    assert abs(sum(clock.naps) - 1500) < 0.1
    for number, nap in enumerate(clock.naps[:-1]):
        assert 0.8 <= nap / min(2**number, MAX_PAUSE) <= 1.2
    upstream = Upstream("x", "folder")
    assert [cast(Marked, one.source(upstream)).marked for one in seen[:3]] == [False, True, True]


def test_without_time_there_is_one_round(project: Project) -> None:
    clock = Clock()
    assert len(list(rounds(depot(project, clock), 0))) == 1
    assert clock.naps == []


def test_time_spent_working_counts(project: Project) -> None:
    clock = Clock()
    one = replace(depot(project, clock))
    seen = 0
    for _ in rounds(one, 30):
        seen += 1
        clock.now += datetime.timedelta(seconds=20 if seen > 1 else 0)
    assert seen == 3
