"""Entries of pins on Python package indexes: PEP 508 requirements."""

from __future__ import annotations

from packaging.version import Version

from cudepot.catalog.config.config import Pin
from cudepot.formats.simple import project_name
from cudepot.kinds.rules.pin_entries import Entry, Listing, Spelling
from cudepot.kinds.wheels.rules.select import parse_requirement


def _entries(pin: Pin, _: Listing) -> list[Entry]:
    return [_entry(spec) for spec in pin.packages]


def _entry(spec: str) -> Entry:
    one = parse_requirement(spec)
    parts = list(one.specifier)
    exact = parts[0].version if len(parts) == 1 and parts[0].operator == "==" else ""
    extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
    return Entry(
        spec,
        project_name(one.name),
        "" if exact.endswith("*") else exact,
        "",
        False,
        lambda version: one.specifier.contains(version, prereleases=True),
        lambda version: f"{one.name}{extras}=={version}",
    )


def _is_early(version: str) -> bool:
    return Version(version).is_prerelease


SPELLING = Spelling(_entries, Version, Version, _is_early, by_platform=True)
