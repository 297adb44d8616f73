"""Dates as roots write them: with every zone, in ISO 8601, and what is none."""

from __future__ import annotations

import datetime

import pytest

from cudepot.errors import FormatError
from cudepot.formats.dates import is_utc, parse_date


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("Sat, 28 Nov 2026 14:00:00 +0000", 14), ("Sat, 28 Nov 2026 14:00:00 GMT", 14),
        ("Sat, 28 Nov 2026 14:00:00 CEST", 12), ("Sat, 28 Nov 2026 14:00:00 +0200", 12),
        ("Sat, 28 Nov 2026 14:00:00 EST", 19), ("Sat, 28 Nov 2026 14:00:00", 14),
        ("Sat Nov 28 14:00:00 2026", 14), ("2026-11-28T14:00:00Z", 14), ("2026-11-28 14:00:00 UTC", 14),
        ("2026-11-28", 0), ("Sat, 28 Nov 2026 14:00:00 XYZ", 0),
    ],
)  # fmt: skip
def test_zones(text: str, hour: int) -> None:
    assert parse_date(text, "Date") == datetime.datetime(2026, 11, 28, hour, tzinfo=datetime.UTC)


@pytest.mark.parametrize("text", ["", "next week", "Sat, 32 Nov 2026 14:00:00 GMT", "Sa, 28 Dez 2026", "9" * 99])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(FormatError, match="Date is not a date"):
        parse_date(text, "Date")


def test_which_dates_name_utc() -> None:
    named = ["Sat, 28 Nov 2026 14:00:00 " + zone for zone in ("GMT", "UTC", "Z", "+0000", "-0000")]
    assert all(map(is_utc, [*named, "Sat Nov 28 14:00:00 2026"]))
    assert not any(map(is_utc, ["Sat, 28 Nov 2026 14:00:00 CEST", "Sat, 28 Nov 2026 14:00:00 +0200"]))
