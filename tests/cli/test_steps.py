"""What verbs say while they work: nothing in the first two seconds, then what they are doing."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from cudepot.cli.progress import Lines
from cudepot.cli.steps import EVERY, PATIENCE, Steps, Stepwise, telling


def told(steps: Steps, seconds: float, *, to: float, do: Callable[[float], None] = lambda now: None) -> list[str]:
    """Return what is told from ``seconds`` to ``to``, and when; ``do`` is called ten times a second."""
    found = []
    for tenth in range(round(seconds * 10), round(to * 10)):
        do(tenth / 10)
        if line := steps.due(tenth / 10):
            found.append(f"{tenth / 10:g} {line}")
    return found


def test_nothing_is_told_of_a_verb_that_ends_within_two_seconds() -> None:
    assert told(Steps(100 + PATIENCE, "cudepot gc: at work"), 100, to=102) == []


def test_one_long_step_is_told_once_after_two_seconds() -> None:
    assert told(Steps(100 + PATIENCE, "signing"), 100, to=180) == ["102 signing"]


def test_many_short_steps_are_told_every_few_seconds() -> None:
    steps = Steps(100 + PATIENCE)

    def next_snapshot(now: float) -> None:
        steps.label = f"reading snapshot {round((now - 100) * 10)}"

    assert told(steps, 100, to=112, do=next_snapshot) == ["102 reading snapshot 20", "107 reading snapshot 70"]


def test_a_step_that_follows_soon_is_told_when_its_time_has_come() -> None:
    steps = Steps(100 + PATIENCE, "resolving")
    assert told(steps, 100, to=103) == ["102 resolving"]
    steps.label = "signing"
    assert steps.wait(103) == pytest.approx(102 + EVERY - 103)
    assert told(steps, 103, to=120) == [f"{102 + EVERY:g} signing"]


def test_a_step_is_not_told_beside_a_bar_and_again_two_seconds_after_it() -> None:
    steps = Steps(100 + PATIENCE, "verifying", in_bar=True)
    assert told(steps, 100, to=150) == []
    assert steps.wait(150) is None
    steps.bar_ended(150)
    assert told(steps, 150, to=151.9) == []
    assert told(steps, 151.9, to=180) == ["152 verifying"]


def test_bars_and_lines_go_through_and_nothing_is_told_after_the_end() -> None:
    out = io.StringIO()
    shown = Stepwise(Lines(out), "at work")
    shown.step("hashing")
    shown.begin("hashing 2 objects", 3000, 2)
    shown.advance(3000, 2)
    shown.end()
    shown.say("done")
    shown.close()
    shown.step("late")
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("hashing 2 objects: 3 kB in ")
    assert lines[-1] == "done"
    assert "late" not in out.getvalue()


def test_files_are_told_beside_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("cudepot.cli.progress.time.monotonic", lambda: now[0])
    out = io.StringIO()
    lines = Lines(out)
    lines.begin("fetching 8 files", 4_000_000, 8)
    now[0] += 10
    lines.advance(1_000_000, 2)
    assert out.getvalue().splitlines() == ["fetching 8 files: 2 of 8 files, 1.0 MB of 4.0 MB, 100 kB/s, 30 s left"]


def test_quiet_verbs_tell_nothing() -> None:
    with telling("at work", quiet=True) as shown:
        assert not isinstance(shown, Stepwise)
