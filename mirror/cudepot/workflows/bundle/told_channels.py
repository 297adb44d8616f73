"""Takes over what a bundle says of channels: the near side's records of promotions, what each shows, and tags.

All of it is looked at before anything is kept: see ``cudepot_far/channels.py`` for what is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cudepot.catalog.site.bundle import Manifest
from cudepot.catalog.site.promotion import parse_promotion
from cudepot.digest import Digest
from cudepot.errors import TrustError
from cudepot.ports import Verifier
from cudepot.store.local import LocalStore
from cudepot.workflows.bundle.shown_import import tell, told_of
from cudepot_far.channels import FORGED, Record, Told, after, back_fault, merged_tags, records_fault


class Came(NamedTuple):
    """What a bundle says of channels, found good: records that are new here, what is told if that is new, and tags."""

    records: tuple[tuple[int, bytes, bytes], ...]
    told: Told | None
    tags: dict[str, int]


def checked_channels(store: LocalStore, verifier: Callable[[], Verifier], manifest: Manifest) -> Came:
    """Return what a bundle says of channels after it was found to hold; nothing is kept yet.

    Raises:
        TrustError: a record is not of this site, does not continue those that are here, or a channel would go back
            without one.
    """
    what, known, here = f"snapshot {manifest.number}", told_of(store), _here(store)
    came = [_came(store, verifier, one, what) for one in manifest.records or ()]
    records = [record for record, _, _ in came]
    said = after(Told(manifest.channels, manifest.promotion, manifest.number, manifest.tags), known)
    fault = records_fault(records, here) or (back_fault(said, known, [*here, *records]) if said else "")
    if fault:
        raise TrustError(f"{what}: {fault}", hint=FORGED)
    last, numbers = here[-1].number if here else 0, [*store.snapshots.numbers(), manifest.number]
    tags = merged_tags(store.tags.read(), known, said, numbers) if said else {}
    return Came(tuple((one.number, record, by) for one, record, by in came if one.number > last), said, tags)


def keep_channels(store: LocalStore, came: Came) -> None:
    """Keep what a bundle says of channels; ``publish`` shows it."""
    for number, record, signature in came.records:
        store.promotions.add(number, record, signature)
    if came.told is not None:
        if came.tags != store.tags.read():
            store.tags.write(came.tags)
        tell(store, came.told)


def _here(store: LocalStore) -> list[Record]:
    """Return the records that came before, the oldest first; their signatures were good when they came."""
    return [_record(store.promotions.read(one)[0], f"promotion {one}") for one in store.promotions.numbers()]


def _came(
    store: LocalStore, verifier: Callable[[], Verifier], one: tuple[Digest, Digest], what: str
) -> tuple[Record, bytes, bytes]:
    record, signature = (store.read(each) for each in one)
    what = f"{what}: the record of a promotion"
    verifier().detached(record, signature, what)
    return _record(record, what), record, signature


def _record(data: bytes, what: str) -> Record:
    one = parse_promotion(data, what)
    return Record(one.number, one.parent, one.channel, one.snapshot, Digest.of(data).sha256)
