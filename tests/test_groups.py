"""Tests of one group go to one worker: what they share takes minutes to make, and is made once."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("shown")
def test_the_scheduler_sees_groups(request: pytest.FixtureRequest) -> None:
    """They stand behind the node id; pytest 9.2 took away what pytest-xdist 3.8 wrote them with."""
    if not request.config.getoption("loadgroup", False):
        pytest.skip("only where tests run side by side, by groups")
    assert request.node.nodeid.endswith("@shown")


@pytest.fixture(scope="module", params=["one", "two"])
def made(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_a_module_makes_once_is_made_by_one_worker(made: str, request: pytest.FixtureRequest) -> None:
    (group,) = request.node.iter_markers("xdist_group")
    assert group.args == (f"test_groups.py-{('one', 'two').index(made)}",)
