"""What a site says to its edges that it shows, signed and dated: which snapshot, in each channel, and until when. Pure.

Format: ``docs/formats.md``, "Edges".
"""

from __future__ import annotations

import datetime
import json
from typing import Any, NamedTuple

from cudepot.catalog.fields import Table, digest_table
from cudepot.catalog.site.bundle import Link
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.fingerprints import fingerprint
from cudepot_far.channels import names_fault, tags_fault

FORMAT = "cudepot-shown 1"
LIMIT = 4 << 20
"""Bytes an edge reads of it at the most, before it has checked the signature."""
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class Shows(NamedTuple):
    """What a channel shows.

    Attributes:
        channel: its name; empty for a site without channels.
        snapshot: the snapshot.
        manifest: the ``follow.json`` that is next to it.
        record: number of the promotion that says so; 0 where none does, as in the channel that is published to.
    """

    channel: str
    snapshot: Link
    manifest: Digest
    record: int = 0


class Shown(NamedTuple):
    """What a site shows.

    Attributes:
        signer: fingerprint of the site key.
        signed: when it was signed (UTC, ``2026-11-23T00:54:16Z``).
        until: when it is too old to be believed; empty for never.
        channels: all channels of the site, the one that is published to first; none for a site without.
        shows: what they show; one that shows nothing yet is left out.
        promotion: number and sha256 of the last promotion record; number 0 for none.
        tags: names of snapshots.
    """

    signer: str
    signed: str
    until: str
    channels: tuple[str, ...]
    shows: tuple[Shows, ...]
    promotion: Link = Link()
    tags: tuple[tuple[str, int], ...] = ()

    def says_the_same(self, other: Shown) -> bool:
        """Return whether only the dates differ."""
        return self._replace(signed="", until="") == other._replace(signed="", until="")


def render_shown(shown: Shown) -> bytes:
    """Return the document; equal values give equal bytes. No line of it needs escaping in a clear-signed text."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "signer": shown.signer,
        "signed": shown.signed,
        "channels": list(shown.channels),
        "shows": [_shows_table(one) for one in shown.shows],
        "promotion": _link(shown.promotion),
        "tags": dict(shown.tags),
    }
    if shown.until:
        document["valid-until"] = shown.until
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _link(link: Link) -> dict[str, Any]:
    return {"number": link.number, "sha256": link.sha256}


def _shows_table(one: Shows) -> dict[str, Any]:
    table = {"channel": one.channel, "snapshot": _link(one.snapshot), "manifest": digest_table(one.manifest)}
    return table | ({"record": one.record} if one.record else {})


def parse_shown(data: bytes, what: str) -> Shown:
    """Return what a site shows; raise ConfigError when it is malformed or of another format."""
    try:
        table = Table(json.loads(data), tolerant=True)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{what}: not JSON: {error}") from error
    found = table.text("format")
    if found != FORMAT:
        raise ConfigError(f"{what}: format {found!r}; this cudepot reads {FORMAT!r}", hint="use a newer cudepot here")
    shown = Shown(
        fingerprint(table.text("signer")),
        _time(table.text("signed"), what),
        _time(table.text("valid-until"), what) if table.has("valid-until") else "",
        table.texts("channels"),
        tuple(_shows(one) for one in table.tables("shows")),
        _parsed_link(table.table("promotion")),
        tuple((name, table.table("tags").integer(name, low=1)) for name in table.table("tags").names()),
    )
    _check_names(shown, what)
    return shown


def _shows(table: Table) -> Shows:
    snapshot = _parsed_link(table.table("snapshot"), low=1)
    return Shows(table.text("channel"), snapshot, table.table("manifest").digest(), table.integer("record", 0))


def _parsed_link(table: Table, low: int = 0) -> Link:
    return Link(table.integer("number", low=low, high=999_999), table.text("sha256"))


def _time(text: str, what: str) -> str:
    try:
        datetime.datetime.strptime(text, _TIME)  # noqa: DTZ007 - it ends in Z
    except ValueError as error:
        raise ConfigError(f"{what}: {text!r} is no time as {_TIME}") from error
    return text


def _check_names(shown: Shown, what: str) -> None:
    """Refuse names that are none, or that come twice: they become folders and links here."""
    if fault := names_fault(shown.channels) or tags_fault(name for name, _ in shown.tags):
        raise ConfigError(f"{what}: {fault}")
    named = [one.channel for one in shown.shows]
    if len({*named}) < len(named):
        raise ConfigError(f"{what}: a channel is named twice")
    if not {*named} <= {*(shown.channels or ("",))}:
        raise ConfigError(f"{what}: shows a channel that it does not name")


def moment(text: str) -> datetime.datetime:
    """Return a time of :class:`Shown` as a value."""
    return datetime.datetime.strptime(text, _TIME).replace(tzinfo=datetime.UTC)


def written(when: datetime.datetime) -> str:
    """Return a time as :class:`Shown` has it."""
    return when.strftime(_TIME)
