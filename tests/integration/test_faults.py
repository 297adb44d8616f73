"""The short version of ``scripts/bench faults``: kills, flipped bits and cuts at random points of all verbs."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.faults import campaign


@pytest.mark.slow
@pytest.mark.lengthy
def test_nothing_is_lost_and_nothing_wrong_is_shown(tmp_path: Path) -> None:
    said: list[str] = []
    counts = campaign(tmp_path, kills=29, harms=12, seed=20261124, say=said.append)
    assert said == []
    assert counts.kills.total() > 0
    assert {"ml", "conda"} <= {name.partition(" ")[0] for name in counts.kills}
    assert counts.found == counts.harms.total() == 12
