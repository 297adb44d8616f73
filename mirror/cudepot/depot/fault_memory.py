"""Remembers which faults an upstream has, and since when; stored with the memory of its roots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from cudepot.catalog.faults import PINS, UNSOLVED, Fault
from cudepot.depot.depot import Clock
from cudepot.store.local import LocalStore


class Standing(NamedTuple):
    """A fault that stands.

    Attributes:
        upstream: its upstream.
        verb: ``lock``, ``sync`` or ``publish``: which of them meets it.
        fault: the fault as it was seen last.
        since: when it was seen first (UTC, ``2026-11-23T00:54:16Z``).
        seen: when it was seen last.
    """

    upstream: str
    verb: str
    fault: Fault
    since: str
    seen: str

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        fault = {"kind": self.fault.kind, "url": self.fault.url, "evidence": dict(self.fault.evidence)}
        return {"upstream": self.upstream, "verb": self.verb, "since": self.since, "seen": self.seen, **fault}


def standing_faults(store: LocalStore, upstream: str) -> tuple[Standing, ...]:
    """Return the current faults of an upstream; an unreadable memory holds none."""
    return tuple(_parsed(upstream, one) for one in store.memory(upstream).faults())


def note_faults(store: LocalStore, clock: Clock, upstream: str, verb: str, faults: Sequence[Fault]) -> list[Standing]:
    """Remember what ``verb`` met of an upstream just now, in place of what it met before; return it with its age.

    A lock that fails goes on failing since the first time, whatever the fault has turned into; a file has a
    beginning of its own. An environment, the one that is called by two words, has no pins.
    """
    before = standing_faults(store, upstream)
    now = f"{clock():%Y-%m-%dT%H:%M:%SZ}"
    since = {_identity(one.verb, one.fault): one.since for one in before}
    named = [replace(one, kind=UNSOLVED) if one.kind == PINS and " " in upstream else one for one in faults]
    found = [Standing(upstream, verb, one, since.get(_identity(verb, one), now), now) for one in named]
    stand = [*(one for one in before if one.verb != verb), *found]
    store.memory(upstream).keep_faults([_kept(one) for one in stand])
    return found


def _identity(verb: str, fault: Fault) -> tuple[str, str]:
    return verb, fault.url if verb == "sync" else ""


def _kept(one: Standing) -> dict[str, Any]:
    return {name: value for name, value in one.as_json().items() if name != "upstream"}


def _parsed(upstream: str, one: dict[str, Any]) -> Standing:
    texts = [str(one.get(name, "")) for name in ("verb", "kind", "url", "since", "seen")]
    evidence = one.get("evidence")
    fault = Fault(texts[1], texts[2], evidence if isinstance(evidence, dict) else {})
    return Standing(upstream, texts[0], fault, texts[3], texts[4])
