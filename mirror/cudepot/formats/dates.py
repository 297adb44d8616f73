"""Dates as the roots of repositories write them: RFC 5322, and what else apt and people take for one."""

from __future__ import annotations

import datetime
import re

from cudepot.errors import FormatError

_ZONES = {
    "WEST": 1,
    "BST": 1,
    "CET": 1,
    "CEST": 2,
    "MEZ": 1,
    "MESZ": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "WET": 0,
    "Z": 0,
    "UTC": 0,
    "GMT": 0,
    "JST": 9,
    "KST": 9,
    "AKST": -9,
    "AKDT": -8,
    "HST": -10,
}
"""Hours east of UTC of zones that Python does not know, and whose names mean one zone only."""
_ASKEW = datetime.timedelta(hours=14)
"""The most a clock anywhere is before UTC."""


def parse_date(text: str, what: str) -> datetime.datetime:
    """Return a date with its zone; it is in UTC where it names none.

    In a zone whose name nobody knows it counts as early as it can be, so that it is never in the future by mistake.

    Raises:
        FormatError: it is not a date.
    """
    clean = " ".join(text.split())
    try:
        found = _iso(clean) or _rfc5322(clean)
    except (ValueError, OverflowError, TypeError, IndexError) as error:
        raise FormatError(f"{what} is not a date: {text[:60]!r}", hint="the upstream is at fault") from error
    zone = re.search(r"[0-9] ([A-Za-z]{1,5})$", clean)
    if found.tzinfo or not zone:
        return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    hours = _ZONES.get(zone[1].upper())
    shift = _ASKEW if hours is None else datetime.timedelta(hours=hours)
    return found.replace(tzinfo=datetime.timezone(shift))


def _rfc5322(text: str) -> datetime.datetime:
    import email.utils  # noqa: PLC0415 - where a date is read: it takes long to load

    return email.utils.parsedate_to_datetime(text)


def _iso(text: str) -> datetime.datetime | None:
    """Return a date of ISO 8601, as people write them by hand; None where it is another."""
    if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    return datetime.datetime.fromisoformat(re.sub(r" ?(UTC|GMT)$", "+00:00", text))


def is_utc(text: str) -> bool:
    """Return whether a date names UTC in one of the ways apt knows, or is in C's own form, which names no zone."""
    return bool(re.search(r"(GMT|UTC|Z|[+-]0+)\s*$|^[A-Za-z]{3} .* [0-9]{4}\s*$", text))
