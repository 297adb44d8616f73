"""What one kind of client makes of a signature or a key, as values; the rules are each kind's own."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from cudepot.openpgp import KeyPart

SOON = 90
"""Days before an end from which it is told."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a client refuses, from which day on; ``since`` is empty where it always did."""

    reason: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one client makes of a root or a key.

    Attributes:
        accepted: whether it takes it today.
        reasons: why not; for one that is accepted, what will end that within 90 days or is known by its date.
    """

    client: str
    accepted: bool
    reasons: tuple[str, ...]


def verdict(client: str, ways: Sequence[Sequence[Refusal]], today: datetime.date) -> Verdict:
    """Return the verdict where each way (a signature, or a part of a key) could be the good one."""
    if not ways:
        return Verdict(client, accepted=False, reasons=("no key that can sign",))
    now = today.isoformat()
    holding = [[one for one in way if one.since <= now] for way in ways]
    good = [at for at, reasons in enumerate(holding) if not reasons]
    if not good:
        told = dict.fromkeys(_dated_reason(one) for reasons in holding for one in reasons)
        return Verdict(client, accepted=False, reasons=tuple(told))
    soon = (today + datetime.timedelta(days=SOON)).isoformat()
    ending = [one for one in ways[good[0]] if one.since <= soon] if len(good) == 1 else []
    return Verdict(client, accepted=True, reasons=tuple(f"only until {one.since}: {one.reason}" for one in ending))


def _dated_reason(one: Refusal) -> str:
    return f"{one.reason} (since {one.since})" if one.since else one.reason


def life(part: KeyPart) -> list[Refusal]:
    """Return what any client that looks at dates has against a key or subkey."""
    short = part.fingerprint[-8:]
    found = [Refusal(f"key {short} is revoked")] if part.revoked else []
    return [*found, Refusal(f"key {short} expires", part.expires)] if part.expires else found
