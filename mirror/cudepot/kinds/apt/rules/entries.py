"""Entries of pins on apt repositories: ``NAME`` or ``NAME=VERSION``."""

from __future__ import annotations

from fnmatch import fnmatchcase

from cudepot.catalog.config.config import Pin
from cudepot.catalog.name_globs import is_glob
from cudepot.formats import version as deb_version
from cudepot.kinds.apt.rules.pins import DebPin
from cudepot.kinds.rules.pin_entries import Entry, Listing, Spelling, cuda_in


def _entries(pin: Pin, _: Listing) -> list[Entry]:
    return [_entry(spec, pin) for spec in pin.packages]


def _entry(spec: str, pin: Pin) -> Entry:
    one = DebPin.parse(spec)
    exact = "" if is_glob(one.version) else one.version
    return Entry(
        spec,
        one.name,
        exact,
        pin.cuda or cuda_in(one.version),
        bool(pin.cuda),
        lambda version: fnmatchcase(version, one.version),
        lambda version: f"{one.name}={version}",
    )


SPELLING = Spelling(_entries, deb_version.key, deb_version.parse)
