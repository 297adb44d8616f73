"""Entries of pins on yum repositories: names with as much of epoch, version, release and architecture as is meant."""

from __future__ import annotations

from fnmatch import fnmatchcase

from cudepot.catalog.config.config import Pin
from cudepot.catalog.name_globs import is_glob
from cudepot.formats.rpm_version import key, split_evr
from cudepot.kinds.rules.pin_entries import Entry, Listing, Spelling, cuda_in
from cudepot.kinds.yum.rules.pins import RpmPin, read_ways


def _entries(pin: Pin, listing: Listing) -> list[Entry]:
    return [_entry(spec, pin, listing) for spec in pin.packages]


def _entry(spec: str, pin: Pin, listing: Listing) -> Entry:
    """Read an rpm's name and version in the first way that means something there; else in one that knows the name."""
    forms = read_ways(spec, pin.cuda, ())
    rows = {one: [evr for evr, machine in listing.of(one.name) if fnmatchcase(machine, one.arch)] for one in forms}
    named = [one for one in forms if rows[one]]
    meant = [one for one in named if any(_takes(one, evr) for evr in rows[one])]
    one = next(iter(meant or named or forms))
    exact = "-".join(part for part in (one.version, one.release) if part != "*")
    return Entry(
        spec,
        one.name,
        "" if not one.versioned or is_glob(exact) else exact,
        pin.cuda or cuda_in(one.release),
        bool(pin.cuda),
        lambda evr: _takes(one, evr),
        lambda evr: _with_version(one, evr),
    )


def _takes(one: RpmPin, evr: str) -> bool:
    epoch, version, release = split_evr(evr)
    fits = fnmatchcase(version, one.version) and fnmatchcase(release, one.release)
    return one.epoch in ("", epoch) and fits


def _with_version(one: RpmPin, evr: str) -> str:
    """Return an rpm pin with another version, as far as it says one: with epoch, release, architecture or without."""
    epoch, version, release = split_evr(evr)
    text = f"{one.name}-{f'{epoch}:' if one.epoch else ''}{version}"
    text += f"-{release}" if one.release != "*" else ""
    return text + (f".{one.arch}" if one.arch != "*" else "")


SPELLING = Spelling(_entries, key, key)
