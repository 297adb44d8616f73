"""What an edge has heard of the site that it follows: what makes the next request conditional, and how old that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cudepot.catalog.clocks import CLOCKS_APART
from cudepot.catalog.site.shown import Shown, moment, written
from cudepot.depot.depot import Clock
from cudepot.errors import ClockError, StaleError
from cudepot.ports import Validators
from cudepot.store.layout import EDGE
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile


class Heard(NamedTuple):
    """What was heard last.

    Attributes:
        url: where that site is.
        path: the document that said it.
        validators: of that document.
        signed, until: when the newest such document was signed, and until when it counts (UTC); empty where that
            site signs none. They outlive a change of the URL.
        numbers: the snapshots that have to be here for it to be true here as well.
        records: channel → number of the promotion record that says what it shows.
    """

    url: str = ""
    path: str = ""
    validators: Validators = Validators()
    signed: str = ""
    until: str = ""
    numbers: tuple[int, ...] = ()
    records: Mapping[str, int] = {}


def recall(store: LocalStore) -> Heard:
    """Return what was heard last; nothing where nothing was, or where that cannot be read."""
    found = SealedFile(store.at(EDGE)).recall()
    try:
        return Heard(
            str(found["url"]),
            str(found["path"]),
            Validators(str(found["etag"]), str(found["last-modified"])),
            str(found["signed"]),
            str(found["until"]),
            tuple(map(int, found["numbers"])),
            {str(name): int(number) for name, number in found["records"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return Heard()


def remember(store: LocalStore, heard: Heard) -> None:
    """Keep what was heard."""
    document = heard._asdict() | {"etag": heard.validators.etag, "last-modified": heard.validators.last_modified}
    del document["validators"]
    SealedFile(store.at(EDGE)).write(document)


def conditions(heard: Heard, store: LocalStore, url: str, path: str) -> Validators | None:
    """Return what makes a request conditional: only while all that was said then is here."""
    if (heard.url, heard.path) != (url, path) or not {*heard.numbers} <= {*store.snapshots.numbers()}:
        return None
    return heard.validators if any(heard.validators) else None


def check_date(heard: Heard, shown: Shown, clock: Clock) -> None:
    """Refuse what was signed before what is known already, and what is of the future.

    Raises:
        StaleError: older.
        ClockError: it was signed later than this machine's clock says.
    """
    if heard.signed and moment(shown.signed) < moment(heard.signed):
        raise StaleError(
            f"what the site shows was signed on {shown.signed}, and there was something newer, of {heard.signed}",
            hint="somebody in between, or a cache, sends what it showed once: ask who runs that site",
        )
    if moment(shown.signed) > clock() + CLOCKS_APART:
        raise ClockError(
            f"what the site shows was signed on {shown.signed}, and this machine's clock says {written(clock())}",
            hint="set the clock that is wrong",
        )


def overdue(store: LocalStore, clock: Clock) -> Iterator[str]:
    """Give a line where nothing newer was signed for longer than the site said it would take."""
    heard = recall(store)
    if heard.until and clock() > moment(heard.until):
        yield (
            f"the site that is followed, {heard.url}, signed last what it shows on {heard.signed}, and that counted "
            f"until {heard.until}: either nobody runs `cudepot publish` there, or newer answers do not come through"
        )
