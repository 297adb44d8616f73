"""What benches run in a process of their own keeps up with the code; a small one is as good for that."""

from __future__ import annotations

import sys

import pytest
from simulator.process import run

from bench import apt, yum


@pytest.mark.parametrize(
    "program", [apt._STANZAS.replace("20002", "22"), yum._PRIMARY.replace("20000", "20")], ids=["stanzas", "primary"]
)
def test_all_that_is_selected_is_told(program: str) -> None:
    seconds, chosen, memory = run(sys.executable, "-c", program).stdout.split()
    assert float(seconds) > 0
    assert int(chosen) in (20, 22)
    assert int(memory) > 0
