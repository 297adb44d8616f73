"""What `status` says of the last run and of upstreams that were not good in it."""

from __future__ import annotations

import argparse
import datetime

import pytest

from cudepot.catalog.run_report import Report
from cudepot.cli.status import _duration, _lines
from cudepot.workflows.status import Status, UpstreamStatus, late

NOW = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.UTC)
RUN = Report("2026-11-29T03:17:00Z", "2026-11-29T03:18:00Z", 60.0, 4, False, (), 7, None, {})


def state(*good: str) -> Status:
    upstreams = tuple(UpstreamStatus(f"u{number}", "apt", "", (), 1, 0, good=one) for number, one in enumerate(good))
    return Status("ok", upstreams, 0, 0, 0, (7,), 7, "", last_run=RUN)


def test_what_was_not_good_in_the_last_run_is_named() -> None:
    lines = _lines(state("2026-11-29T03:17:30Z", "2026-11-28T03:17:00Z", ""))
    assert lines.count("    last good at 2026-11-28T03:17:00Z") == 1
    assert lines.count("    was good in no run yet") == 1
    assert "last run: 2026-11-29T03:18:00Z, exit 4, 60.0 s" in lines
    assert sum("good" in one for one in lines) == 2


def test_what_is_late_depends_on_the_limit() -> None:
    found = state("2026-11-29T03:17:30Z", "2026-11-27T03:17:00Z")
    assert late(found, NOW, datetime.timedelta(days=3)) == ()
    assert [one.split(":")[0] for one in late(found, NOW, datetime.timedelta(days=1))] == ["u1"]
    assert len(late(found, NOW, datetime.timedelta(hours=1))) == 3
    (ahead,) = late(found, NOW - datetime.timedelta(days=365), datetime.timedelta(days=1))
    assert "in the future: this machine's clock" in ahead, "else nothing is late for a year"
    assert late(state("not a time"), NOW, datetime.timedelta(days=1))


@pytest.mark.parametrize(("text", "seconds"), [("90m", 5400), ("36h", 129600), ("2d", 172800), ("5s", 5)])
def test_an_age_has_a_unit(text: str, seconds: int) -> None:
    assert _duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "36", "-1h", "1.5h", "h", "1 h", "99999999d"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        _duration(text)
