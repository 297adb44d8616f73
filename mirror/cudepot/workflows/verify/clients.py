"""``cudepot verify --clients``: which clients refuse what the upstreams have signed, and what the site shows.

Works on what is in the project: key files, the roots the lock names, the snapshot that is shown. gpgv, which
verified those roots, accepts more than some clients do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cudepot.depot.depot import Depot
from cudepot.depot.locked import lock_or_empty
from cudepot.digest import Digest
from cudepot.kinds.registry import vouching
from cudepot.kinds.rules.checked_clients import Checked
from cudepot.workflows.verify.shown import Shown, shown_places


def check_clients(depot: Depot, channel: str = "") -> tuple[Checked, ...]:
    """Return the verdicts on all pinned keys, on what is locked as it was signed, and on the roots the site shows.

    Raises:
        ConfigError: the site has no such channel.
    """
    places = shown_places(depot, channel)
    lock = lock_or_empty(depot.lock_path)
    found = [one for kind in vouching().values() for one in kind.vouches.judge_upstreams(depot, lock)]
    return (*found, *_site(depot, places))


def _site(depot: Depot, places: Sequence[Shown]) -> Iterator[Checked]:
    """Judge the roots the site shows: with the site's key, or the upstream's where it signed them itself.

    A root of which several channels show the same is told once, with the first of them.
    """
    told: set[tuple[str, Digest | None]] = set()
    for place in places:
        if place.number is None or place.number not in depot.history.numbers():
            continue
        snapshot = depot.history.load(place.number)
        for one in (each for kind in vouching().values() for each in kind.vouches.judge_site(depot, snapshot)):
            root = one.what, snapshot.tree.get(one.what)
            if root not in told:
                told.add(root)
                yield replace(one, what=f"{place.channel}/{one.what}") if place.channel else one
