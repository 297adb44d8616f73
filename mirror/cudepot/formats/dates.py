"""Dates as the roots of repositories write them (RFC 5322)."""

from __future__ import annotations

import datetime
import email.utils

from cudepot.errors import FormatError


def parse_date(text: str, what: str) -> datetime.datetime:
    """Return a date as Release files write it (RFC 5322), in UTC where it names no zone."""
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{what} is no date: {text[:60]!r}", hint="the upstream is broken") from error
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
