"""Which snapshots are kept, and why."""

from __future__ import annotations

import datetime

from cudepot.catalog.config.keep import NOTHING_BY_AGE, Keep
from cudepot.catalog.site.retention import kept

START = datetime.datetime(2026, 1, 1, 3, tzinfo=datetime.UTC)
DAILY = {
    number: (START + datetime.timedelta(days=number - 1)).strftime("%Y-%m-%dT%H:%M:%SZ") for number in range(1, 101)
}
"""A snapshot each night for a hundred nights: the last on 10 April."""


def test_the_newest_are_kept() -> None:
    assert kept(DAILY, 2, NOTHING_BY_AGE, ()) == {99: ("one of the newest 2",), 100: ("one of the newest 2",)}


def test_days_weeks_and_months_keep_the_last_of_each() -> None:
    found = kept(DAILY, 1, Keep(daily=3, weekly=3, monthly=4), ())
    assert found == {
        31: ("the last of month 2026-01",),
        59: ("the last of month 2026-02",),
        88: ("the last of week 2026-W13",),
        90: ("the last of month 2026-03",),
        95: ("the last of week 2026-W14",),
        98: ("the last of day 2026-04-08",),
        99: ("the last of day 2026-04-09",),
        100: (
            "one of the newest 1", "the last of day 2026-04-10", "the last of week 2026-W15",
            "the last of month 2026-04",
        ),
    }  # fmt: skip


def test_periods_without_snapshots_do_not_count() -> None:
    rare = {1: "2024-02-29T00:00:00Z", 2: "2025-06-01T00:00:00Z", 3: "2026-01-01T00:00:00Z"}
    assert list(kept(rare, 1, Keep(daily=2), ())) == [2, 3]
    assert list(kept(rare, 1, Keep(monthly=9), ())) == [1, 2, 3]


def test_of_several_on_a_day_the_last_is_kept() -> None:
    busy = {number: f"2026-01-01T0{number}:00:00Z" for number in range(1, 6)}
    assert list(kept(busy, 1, Keep(daily=7, weekly=4, monthly=12), ())) == [5]


def test_what_is_named_is_kept_with_each_reason_once() -> None:
    named = [(1, "tagged first"), (1, "shown in prod"), (1, "shown in prod"), (77, "not there any more")]
    assert kept({1: "", 2: "no time", 3: ""}, 1, Keep(9, 9, 9), named) == {
        1: ("tagged first", "shown in prod"),
        3: ("one of the newest 1",),
    }
