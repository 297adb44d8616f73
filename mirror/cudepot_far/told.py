"""Takes over what a bundle says of channels: records of promotions, what each channel shows, and tags.

All of it is looked at before anything is kept; ``channels.py`` says what is refused.
"""

import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from cudepot_far.channels import (
    FORGED,
    Record,
    Told,
    absent,
    after,
    back_fault,
    document,
    merged_tags,
    recalled,
    records_fault,
    wanted,
)
from cudepot_far.errors import TrustError
from cudepot_far.manifest import Manifest, parse_record
from cudepot_far.project import Project
from cudepot_far.sealed import unsealed
from cudepot_far.store import CHANNELS, PROMOTIONS, TAGS, Store


class Came(NamedTuple):
    """What a bundle says of channels, found good: records that are new here, what is told if that is new, and tags."""

    records: List[Tuple[int, bytes, bytes]]
    told: Optional[Told]
    tags: Dict[str, int]


def checked_channels(project: Project, manifest: Manifest) -> Came:
    """Return what a bundle says of channels after it was found to hold; nothing is kept yet.

    Raises:
        TrustError: a record is not of this site, does not continue those that are here, or a channel would go back
            without one.
    """
    store, what = project.store, f"snapshot {manifest.number}"
    known, here = told_of(store), _here(store)
    signed = [(store.read(record), store.read(signature)) for record, signature in manifest.records]
    records = []
    for record, signature in signed:
        project.verifier().detached(record, signature, f"{what}: the record of a promotion")
        records.append(parse_record(record, f"{what}: the record of a promotion"))
    said = after(manifest.told, known)
    fault = records_fault(records, here) or (back_fault(said, known, here + records) if said else "")
    if fault:
        raise TrustError(f"{what}: {fault}", FORGED)
    last, numbers = here[-1].number if here else 0, [*store.numbers(), manifest.number]
    tags = merged_tags(tags_of(store), known, said, numbers) if said else {}
    return Came([(one.number, *both) for one, both in zip(records, signed) if one.number > last], said, tags)


def _here(store: Store) -> List[Record]:
    numbers = store.numbers(PROMOTIONS)
    return [parse_record(store.snapshot(one, PROMOTIONS)[0], f"promotion {one}") for one in numbers]


def keep_channels(store: Store, came: Came) -> None:
    """Keep what a bundle says of channels; ``publish`` shows it."""
    for number, record, signature in came.records:
        store.add_snapshot(number, record, signature, PROMOTIONS)
    if came.told is not None:
        if came.tags != tags_of(store):
            store.keep(TAGS, {"tags": came.tags})
        store.keep(CHANNELS, document(came.told))


def told_of(store: Store) -> Told:
    """Return what the newest bundle said of channels; nothing where the near side has none."""
    return recalled(store.recall(CHANNELS))


def tags_of(store: Store) -> Dict[str, int]:
    """Return name → snapshot; raise FormatError where the file was changed: a name must not be lost unseen."""
    if not os.path.exists(store.at(TAGS)):
        return {}
    with open(store.at(TAGS), "rb") as handle:
        found: Any = unsealed(handle.read(), store.at(TAGS)).get("tags", {})
    return {str(name): int(number) for name, number in sorted(found.items())}


def released(project: Project) -> Dict[str, int]:
    """Return what each channel here is to show, see :func:`cudepot_far.channels.wanted`; no rollback counts."""
    return wanted(project.channels, told_of(project.store), project.store.numbers())


def absent_lines(project: Project) -> List[str]:
    """Return a line for each channel here that cannot show what it shows on the near side."""
    return list(absent(project.channels, told_of(project.store), project.store.numbers()))
