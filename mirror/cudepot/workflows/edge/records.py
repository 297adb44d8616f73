"""Brings the signed promotion records of a site that is followed: they say whether a channel may go back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cudepot.catalog.site.bundle import Link
from cudepot.catalog.site.promotion import Promotion, parse_promotion
from cudepot.catalog.site.shown import Shown, Shows
from cudepot.depot.depot import SiteVerifier
from cudepot.depot.promotions import promotion_of
from cudepot.digest import Digest
from cudepot.errors import StaleError, TrustError
from cudepot.formats.bundle_tar import LIMITS, MANIFEST, SIGNATURE
from cudepot.ports import Source
from cudepot.store.promotions import Promotions
from cudepot.workflows.edge.announce import record_paths
from cudepot.workflows.edge.lineage import ACCEPT
from cudepot.workflows.edge.told import TornError

_OTHER = f"ask who runs that site; if it began again, or was restored from a backup, `{ACCEPT}` takes it as it is now"


class Record(NamedTuple):
    """A record as it came, and as a value."""

    value: Promotion
    document: bytes
    signature: bytes


def bring_records(
    verifier: SiteVerifier, source: Source, shown: Shown, shows: Sequence[Shows], kept: Promotions | None
) -> tuple[Record, ...]:
    """Return the records that are not here, the oldest first: back from the last one, each named by the one after it.

    An edge that has none begins with the oldest that says what one of its channels shows.

    Raises:
        TrustError: one is not what the next one names, or they do not continue those that are here.
        StaleError: the site has fewer than are here.
    """
    here, wanted = kept.numbers() if kept else [], shown.promotion
    have = (here or [0])[-1]
    if wanted.number < have:
        raise StaleError(f"the site has {wanted.number} promotions, and {have} are here", hint=_OTHER)
    oldest = min((one.record for one in shows if one.record), default=wanted.number + 1)
    first = have or oldest - 1
    found: list[Record] = []
    while wanted.number > first:
        found.append(_record(verifier, source, wanted))
        wanted = Link(wanted.number - 1, found[-1].value.parent)
    if kept and have and Digest.of(kept.read(have)[0]).sha256 != wanted.sha256:
        raise TrustError(f"the promotions of the site do not continue the {have} that are here", hint=_OTHER)
    if kept and here and oldest < here[0]:  # of a channel that was not followed until now
        wanted = Link(here[0] - 1, promotion_of(kept, here[0]).parent)
        while wanted.number >= max(oldest, 1):
            found.append(_record(verifier, source, wanted))
            wanted = Link(wanted.number - 1, found[-1].value.parent)
    return tuple(reversed(found))


def _record(verifier: SiteVerifier, source: Source, wanted: Link) -> Record:
    path, signature = record_paths(wanted.number)
    document = source.read(path, limit=LIMITS[MANIFEST])
    signed = source.read(signature, limit=LIMITS[SIGNATURE])
    assert document is not None
    assert signed is not None
    if Digest.of(document.body).sha256 != wanted.sha256:
        raise TornError(f"{path} is not the record that the site says", hint="ask who runs that site")
    verifier().detached(document.body, signed.body, path)
    value = parse_promotion(document.body, path)
    if value.number != wanted.number:
        raise TrustError(f"{path}: is record {value.number}", hint="ask who runs that site")
    return Record(value, document.body, signed.body)


def check_channels(
    shows: Iterable[Shows], told: Mapping[str, int], known: Mapping[str, int], new: Sequence[Record], kept: Promotions
) -> None:
    """Refuse a channel that shows what no record says, and one that goes back without a newer record.

    Args:
        shows: the channels but the one that is published to.
        told: channel → snapshot it was to show here until now.
        known: channel → number of the record that said so.
        new: records that are not kept yet.
        kept: those that are.

    Raises:
        TrustError: no record says it.
        StaleError: it goes back, and nothing newer than before says so.
    """
    fresh = {one.value.number: one.value for one in new}
    for one in shows:
        if one.record:
            value = fresh.get(one.record) or _kept(kept, one.record)
            says = (value.channel, value.snapshot, value.sha256) if value else None
            if says != (one.channel, *_pair(one.snapshot)):
                raise TrustError(
                    f"{one.channel}: no promotion says that it shows snapshot {one.snapshot.number}", hint=_OTHER
                )
        if one.snapshot.number < told.get(one.channel, 0) and one.record <= known.get(one.channel, 0):
            raise StaleError(
                f"{one.channel}: goes back from snapshot {told[one.channel]} to {one.snapshot.number}, and no newer "
                "promotion says so",
                hint=_OTHER,
            )


def _pair(link: Link) -> tuple[int, str]:
    return link.number, link.sha256


def _kept(kept: Promotions, number: int) -> Promotion | None:
    return promotion_of(kept, number) if number in kept.numbers() else None
