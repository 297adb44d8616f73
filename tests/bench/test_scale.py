"""The curves of how cost grows: what is called too fast, and that every step can be taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import scale


@pytest.mark.parametrize(
    ("seconds", "exponent", "fast"),
    [
        ((1.0, 2.0, 4.0), 1.0, False),
        ((1.0, 4.0, 16.0), 2.0, True),
        ((0.01, 0.04, 0.16), 2.0, False),
        ((3.0, 3.0, 3.0), 0.0, False),
    ],
    ids=["linear", "quadratic", "too short to tell", "constant"],
)
def test_growth_is_told_by_the_two_largest_sizes(seconds: tuple[float, ...], exponent: float, fast: bool) -> None:
    curve = scale.Curve("step", dict(zip((1000, 2000, 4000), seconds, strict=True)))
    assert curve.exponent == pytest.approx(exponent)
    assert curve.grows_too_fast is fast
    assert curve.as_json()["good"] is not fast


@pytest.mark.lengthy
def test_every_step_is_taken_at_each_size(tmp_path: Path) -> None:
    found = scale.curves(tmp_path, (4, 8), 1, snapshots=4)
    assert len(found) == 24
    assert all(list(one.cpu_s) == [4, 8] for one in found)
    assert {f"H{number}" for number in range(1, 5)} <= {one.step[-3:-1] for one in found}
    assert "exponent" in scale.table(found)
