"""Decisions about a verified root: may it be used now, after the ones seen before? No clock, no I/O."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from cudepot.errors import FormatError, StaleError, TrustError
from cudepot.formats.dates import parse_date

if TYPE_CHECKING:
    from cudepot.formats.apt_release import Release

FUTURE = datetime.timedelta(seconds=60)  # clocks differ; apt itself allows 10 s

_UNDATED = "report it to the upstream; `undated = true` in its [[upstream]] accepts it, without that protection"
_NEVER = datetime.datetime(9998, 1, 1, tzinfo=datetime.UTC)
"""A time before which everything lies: nothing is in the future then."""


def newest_date(*dates: str) -> str:
    """Return the latest of several ``Date`` fields, empty ones left out."""
    known = [one for one in dates if one]
    return max(known, key=lambda one: parse_date(one, "a date seen before")) if known else ""


def check_release(
    release: Release, what: str, *, now: datetime.datetime, seen: str, allow_rollback: bool, dated: bool = True
) -> None:
    """Refuse a Release that is expired, from the future, or older than one seen before.

    Args:
        release: the parsed Release, its signature already verified.
        what: its URL, for errors.
        now: the time of the decision.
        seen: ``Date`` of the newest Release accepted before; empty when there was none.
        allow_rollback: accept an older one all the same.
        dated: whether it has to have a date that can be read, and none of the future.

    Raises:
        TrustError: it may not be used.
        FormatError: a date is none.
    """
    until = release.valid_until()
    if until is not None and until < now:
        raise StaleError(
            f"{what}: expired on {until:%Y-%m-%d %H:%M} UTC (Valid-Until)",
            hint="the upstream, or a mirror in between, is stale: try again later or use another mirror",
        )
    date = readable_date(release)
    if dated and date is None and "Date" in release.fields:
        raise FormatError(f"{what}: Date is not a date: {release.fields['Date'][:60]!r}", hint=_UNDATED)
    if dated or date is not None:
        check_date(date, what, now=now if dated else _NEVER, seen=seen, allow_rollback=allow_rollback)


def readable_date(release: Release) -> datetime.datetime | None:
    """Return the date of a Release; None where it has none that can be read."""
    try:
        return release.date()
    except FormatError:
        return None


def check_date(
    date: datetime.datetime | None, what: str, *, now: datetime.datetime, seen: str, allow_rollback: bool
) -> None:
    """Refuse a root without date, from the future, or older than one seen before; arguments as above.

    Raises:
        TrustError: it may not be used.
    """
    if date is None:
        raise TrustError(f"{what}: has no date, so an old copy cannot be told from a new one", hint=_UNDATED)
    if date > now + FUTURE:
        raise TrustError(f"{what}: dated {date:%Y-%m-%d %H:%M} UTC, in the future", hint="check this machine's clock")
    if seen and date < parse_date(seen, "the date seen before") and not allow_rollback:
        raise StaleError(
            f"{what}: dated {date:%Y-%m-%d %H:%M} UTC, older than the one of {seen} accepted earlier",
            hint="a stale edge or a rollback attack: try again later, or pass --allow-rollback if this is intended",
        )
