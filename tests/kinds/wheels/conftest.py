"""Indexes on loopback, and a desk to read them at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.ml_team import MlTeam
from simulator.python_index import PythonIndex
from tests.kinds.wheels.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PythonIndex]:
    with PythonIndex(tmp_path / "index") as one:
        yield one


@pytest.fixture
def team(tmp_path: Path) -> Iterator[MlTeam]:
    with MlTeam(tmp_path / "team") as one:
        yield one
