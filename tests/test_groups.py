"""Tests of one group go to one worker: what they share takes minutes to make, and is made once."""

from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("shown")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="only where tests run side by side")
def test_the_scheduler_sees_groups(request: pytest.FixtureRequest) -> None:
    """They stand behind the node id; pytest 9.2 took away what pytest-xdist 3.8 wrote them with."""
    if not request.config.getoption("loadgroup"):
        pytest.skip("tests go to whoever is free")
    assert request.node.nodeid.endswith("@shown")
