"""What a far side makes of what bundles say of channels. Pure, and shared: cudepot decides by these lines as well.

The near side's word is the signed manifest: what each channel shows, and the signed records of promotions. The newest
bundle counts, a channel goes back only where a record says so, and what has not come is not shown.
``docs/adr/0064-far-sides-carry-channels.md`` says why this is the one module both have.
"""

import re
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
TAKEN = ("current", "snapshots")
"""Names beside the channels in the folder of a site."""
TAG = re.compile(r"(?![0-9]+$)[A-Za-z0-9][A-Za-z0-9._-]*")
FORGED = "the near side or the bundle cannot be trusted: do not import it"


class Told(NamedTuple):
    """What bundles have said so far.

    Attributes:
        channels: each channel of the near side and the snapshot it showed, the one that is published to first.
        promotion: number of the last promotion there.
        number: the snapshot that the bundle brought which said so.
        tags: names of snapshots there.
    """

    channels: Tuple[Tuple[str, int], ...] = ()
    promotion: int = 0
    number: int = 0
    tags: Tuple[Tuple[str, int], ...] = ()


class Record(NamedTuple):
    """What counts here of a promotion's signed record; ``sha256`` is that of its document."""

    number: int
    parent: str
    channel: str
    snapshot: int
    sha256: str


def names_fault(names: Sequence[str]) -> str:
    """Return what is wrong with the names of channels; empty where nothing is."""
    for name in names:
        if not NAME.fullmatch(name) or name in TAKEN:
            return f"has {name[:80]!r}, which is not a name of a channel"
        if list(names).count(name) > 1:
            return f"has {name!r} twice"
    return ""


def tags_fault(names: Iterable[str]) -> str:
    """Return what is wrong with the names of snapshots; empty where nothing is."""
    bad = [name for name in names if not TAG.fullmatch(name)]
    return f"has {bad[0][:80]!r}, which is not a tag" if bad else ""


def is_older(told: Told, known: Told) -> bool:
    """Return whether a bundle says less of channels than one that came before it."""
    return (told.promotion, told.number) < (known.promotion, known.number)


def records_fault(came: Sequence[Record], here: Sequence[Record]) -> str:
    """Return why records that came do not continue those that are here; empty where they do."""
    known, last = {one.number: one for one in here}, here[-1] if here else None
    for one in came:
        if one.number in known:
            if known[one.number] != one:
                return f"record {one.number} of a promotion differs from the one that came earlier"
        elif (one.number, one.parent) != ((last.number + 1, last.sha256) if last else (1, "")):
            return f"record {one.number} of a promotion does not follow record {last.number if last else 0}"
        else:
            last = one
    return ""


def back_fault(told: Told, known: Told, records: Iterable[Record]) -> str:
    """Return which channel would go back without a record of it; empty where none would.

    A near side whose cudepot sends no records is believed for the number of its last promotion.
    """
    before, every = dict(known.channels), list(records)
    said = {(one.channel, one.snapshot) for one in every if one.number > known.promotion}
    for name, number in told.channels:
        unsaid = (name, number) not in said if every else told.promotion <= known.promotion
        if number < before.get(name, 0) and unsaid:
            return f"channel {name} would go back from snapshot {before[name]} to {number}, but no record says so"
    return ""


def wanted(names: Sequence[str], told: Told, numbers: Sequence[int]) -> Dict[str, int]:
    """Return which snapshot each channel here is to show; one that is left out stays as it is.

    Args:
        names: channels of the site here; none for one that shows ``current`` alone, which has an empty name.
        told: what bundles say.
        numbers: snapshots that are here, in order; at least one.
    """
    said = dict(told.channels)
    if not names:
        first = told.channels[0][1] if told.channels else 0
        return {"": first if first in numbers else numbers[-1]}
    if not said:
        return {names[0]: numbers[-1]}
    return {name: said[name] for name in names if said.get(name) in numbers}


def absent(names: Sequence[str], told: Told, numbers: Sequence[int]) -> Iterator[str]:
    """Give a line for each channel here that shows something on the near side which has not come, or nothing."""
    said, shown = dict(told.channels), wanted(names, told, numbers)
    for name in names:
        if name not in shown:
            what = f"snapshot {said[name]}" if name in said else "nothing"
            hint = (
                f"; that has not come: `cudepot bundle export --channel {name}` there brings it" if name in said else ""
            )
            yield f"{name}: shows {what} on the near side{hint}"


def unlisted(names: Sequence[str], told: Told) -> str:
    """Return what to do where the near side has channels and this side lists none; empty elsewhere."""
    if names or not told.channels:
        return ""
    listed = ", ".join(f'"{name}"' for name, _ in told.channels)
    return f"the near side has channels: `channels = [{listed}]` in [site] of cudepot.toml shows them here"


def merged_tags(here: Dict[str, int], known: Told, told: Told, numbers: Sequence[int]) -> Dict[str, int]:
    """Return the tags of this side after a bundle: those of the near side, and those that were given here."""
    before = dict(known.tags)
    own = {name: number for name, number in here.items() if before.get(name) != number}
    return {**{name: number for name, number in told.tags if number in numbers}, **own}


def after(told: Told, known: Told) -> Optional[Told]:
    """Return what is known once a bundle came; None where that says nothing new of channels."""
    says = told.channels or told.tags or known.tags
    return None if not says or is_older(told, known) or told == known else told


def document(told: Told) -> Dict[str, object]:
    """Return what ``channels.json`` of a store says, see :func:`recalled`."""
    pairs: List[List[object]] = [[name, number] for name, number in told.channels]
    return {"channels": pairs, "promotion": told.promotion, "number": told.number, "tags": dict(told.tags)}


def recalled(found: Dict[str, object]) -> Told:
    """Return what ``channels.json`` of a store says; nothing where it has none of it."""
    channels, tags = found.get("channels"), found.get("tags")
    pairs = channels if isinstance(channels, list) else []
    named = tags if isinstance(tags, dict) else {}
    numbers = [int(str(found.get(key, 0))) for key in ("promotion", "number")]
    return Told(
        tuple((str(name), int(number)) for name, number in pairs),
        numbers[0],
        numbers[1],
        tuple((str(name), int(number)) for name, number in sorted(named.items())),
    )
