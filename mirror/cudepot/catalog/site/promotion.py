"""The signed record of a channel that was made to show a snapshot: who, when, from where, and what changed. Pure.

Format: ``docs/formats.md``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cudepot.catalog.fields import Table
from cudepot.catalog.site.diff import Change
from cudepot.catalog.site.document import read_document
from cudepot.errors import ConfigError

FORMAT = "cudepot-promotion 1"


class Moved(NamedTuple):
    """A package that is another than before; ``before`` or ``after`` is empty for one that came or went."""

    ecosystem: str
    place: str
    name: str
    before: str
    after: str


class Promotion(NamedTuple):
    """What a channel was made to show.

    Attributes:
        number: of the record: 1, 2, 3 …
        parent: sha256 of the record before, as it was signed; empty for the first.
        channel: the channel.
        source: the channel it was promoted from; empty for a rollback, its own name where roots were only renewed.
        snapshot: the snapshot shown.
        sha256: of that snapshot's document.
        shows: the snapshot whose packages it has: the same number, unless the roots had to be signed again.
        instead: the snapshot shown before; 0 for none.
        who: the person or job that did it.
        when: UTC time as ISO 8601.
        why: what that person said of it; may be empty.
        counts: ecosystem → how many packages ``came``, ``went`` and ``changed``.
        changes: these packages, one by one; none where the channel showed nothing before.
    """

    number: int
    parent: str
    channel: str
    source: str
    snapshot: int
    sha256: str
    shows: int
    instead: int
    who: str
    when: str
    why: str
    counts: Mapping[str, Mapping[str, int]]
    changes: tuple[Moved, ...]

    def line(self) -> str:
        """Return it in one line."""
        again = f" ({self.shows} again)" if self.shows != self.snapshot else ""
        where = (
            "rolled back" if not self.source else f"from {self.source}" if self.source != self.channel else "renewed"
        )
        instead = f", instead of {self.instead}" if self.instead else ""
        why = f": {self.why}" if self.why else ""
        what = f"{self.channel}: snapshot {self.snapshot}{again}{instead}, {where}"
        return f"{what}, {self.when} by {self.who}{why}; {told_counts(self.counts)}"


def told_counts(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Return what changed in each ecosystem, in one line."""
    lines = [f"{name} {', '.join(f'{n} {what}' for what, n in kinds.items())}" for name, kinds in counts.items()]
    return "; ".join(lines) or "no package changed"


def counted(changes: Iterable[Change]) -> dict[str, dict[str, int]]:
    """Return ecosystem → kind of change → how many packages."""
    found = Counter((one.ecosystem, one.kind) for one in changes)
    counts: dict[str, dict[str, int]] = {}
    for (ecosystem, kind), count in sorted(found.items()):
        counts.setdefault(ecosystem, {})[kind] = count
    return counts


def moved(changes: Iterable[Change]) -> tuple[Moved, ...]:
    """Return the packages of changes as a record has them."""
    return tuple(Moved(one.ecosystem, one.place, one.name, one.before, one.after) for one in changes)


def render_promotion(one: Promotion) -> bytes:
    """Return the document; equal records give equal bytes."""
    document: dict[str, Any] = {"format": FORMAT, **one._asdict(), "changes": [list(each) for each in one.changes]}
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def parse_promotion(data: bytes, what: str) -> Promotion:
    """Return a record; raise ConfigError when it is malformed or of another format."""
    document, table = read_document(data, what, FORMAT)
    texts = {key: table.text(key) for key in ("parent", "channel", "source", "sha256", "who", "when", "why")}
    numbers = {key: table.integer(key) for key in ("number", "snapshot", "shows", "instead")}
    return Promotion(**texts, **numbers, counts=_counts(table, what), changes=_changes(document, what))  # type: ignore[arg-type]


def _counts(table: Table, what: str) -> dict[str, dict[str, int]]:
    counts = table.table("counts")
    try:
        return {
            name: {kind: counts.table(name).integer(kind) for kind in counts.table(name).names()}
            for name in counts.names()
        }
    except ConfigError as error:
        raise ConfigError(f"{what}: {error}") from error


def _changes(document: Mapping[str, Any], what: str) -> tuple[Moved, ...]:
    try:
        return tuple(Moved(*map(str, one)) for one in document["changes"])
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{what}: its changes cannot be read") from error
