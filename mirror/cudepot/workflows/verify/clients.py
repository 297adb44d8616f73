"""``cudepot verify --clients``: which clients refuse what the upstreams have signed, and what the site shows.

Works on what is in the project: key files, the roots the lock names, the snapshot that is shown. gpgv, which
verified those roots, accepts more than some clients do.
"""

from __future__ import annotations

from collections.abc import Iterator

from cudepot.depot.depot import Depot
from cudepot.depot.locked import lock_or_empty
from cudepot.kinds.registry import vouching
from cudepot.kinds.rules.checked_clients import Checked


def check_clients(depot: Depot) -> tuple[Checked, ...]:
    """Return the verdicts on all pinned keys, on what is locked as it was signed, and on the roots the site shows."""
    lock = lock_or_empty(depot.lock_path)
    found = [one for kind in vouching().values() for one in kind.vouches.judge_upstreams(depot, lock)]
    return (*found, *_site(depot))


def _site(depot: Depot) -> Iterator[Checked]:
    """Judge the roots the site shows: with the site's key, or the upstream's where it signed them itself."""
    shown = depot.site().current()
    if shown is None or shown not in depot.history.numbers():
        return
    snapshot = depot.history.load(shown)
    for kind in vouching().values():
        yield from kind.vouches.judge_site(depot, snapshot)
