"""Calls hooks for what a verb changed, whichever verb it was, and reports those that failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cudepot.cli.journal import Journal
from cudepot.cli.output import tell_failed_hook
from cudepot.depot.depot import Depot
from cudepot.depot.hooks import Fired, fire, happened, observed


@contextmanager
def calling(depot: Depot, journal: Journal) -> Iterator[None]:
    """Call hooks when the work is done, also where it ended with an error; not where somebody interrupted it."""
    before = observed(depot)
    try:
        yield
    except Exception:
        tell_failed(fire(depot, list(happened(before, observed(depot)))), journal)
        raise
    tell_failed(fire(depot, list(happened(before, observed(depot)))), journal)


def tell_failed(fired: Sequence[Fired], journal: Journal | None = None) -> None:
    """Tell of the hooks that failed."""
    for one in fired:
        if one.error:
            tell_failed_hook(one.name, one.event, one.error)
            if journal:
                journal.write([one.line()])
