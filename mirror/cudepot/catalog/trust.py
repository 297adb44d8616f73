"""Decisions about a verified root: may it be used now, after the ones seen before? No clock, no I/O."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from cudepot.errors import StaleError, TrustError
from cudepot.formats.dates import parse_date

if TYPE_CHECKING:
    from cudepot.formats.apt import Release

FUTURE = datetime.timedelta(seconds=60)  # clocks differ; apt itself allows 10 s


def newest_date(*dates: str) -> str:
    """Return the latest of several ``Date`` fields, empty ones left out."""
    known = [one for one in dates if one]
    return max(known, key=lambda one: parse_date(one, "a date seen before")) if known else ""


def check_release(release: Release, what: str, *, now: datetime.datetime, seen: str, allow_rollback: bool) -> None:
    """Refuse a Release that is expired, from the future, or older than one seen before.

    Args:
        release: the parsed Release, its signature already verified.
        what: its URL, for errors.
        now: the time of the decision.
        seen: ``Date`` of the newest Release accepted before; empty when there was none.
        allow_rollback: accept an older one all the same.

    Raises:
        TrustError: it may not be used.
    """
    until = release.valid_until()
    if until is not None and until < now:
        raise StaleError(
            f"{what}: expired on {until:%Y-%m-%d %H:%M} UTC (Valid-Until)",
            hint="the upstream, or a mirror in between, is stale: try again later or use another mirror",
        )
    check_date(release.date(), what, now=now, seen=seen, allow_rollback=allow_rollback)


def check_date(
    date: datetime.datetime | None, what: str, *, now: datetime.datetime, seen: str, allow_rollback: bool
) -> None:
    """Refuse a root without date, from the future, or older than one seen before; arguments as above.

    Raises:
        TrustError: it may not be used.
    """
    if date is None:
        raise TrustError(
            f"{what}: has no date, so an old copy could not be told from a new one",
            hint="ask the upstream for dates; a yum upstream that never has any needs `undated = true`",
        )
    if date > now + FUTURE:
        raise TrustError(f"{what}: dated {date:%Y-%m-%d %H:%M} UTC, in the future", hint="check this machine's clock")
    if seen and date < parse_date(seen, "the date seen before") and not allow_rollback:
        raise StaleError(
            f"{what}: dated {date:%Y-%m-%d %H:%M} UTC, older than the one of {seen} accepted before",
            hint="a stale edge or a rollback attack: try again later, or pass --allow-rollback if it is meant",
        )
