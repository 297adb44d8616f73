"""Entries of pins on NVIDIA's redistrib folders: a component, or ``COMPONENT=VERSION`` with as many parts as meant."""

from __future__ import annotations

from fnmatch import fnmatchcase

from packaging.version import Version

from cudepot.catalog.config.config import Pin
from cudepot.kinds.redistrib.rules.manifests import is_exact, wanted
from cudepot.kinds.rules.pin_entries import Entry, Listing, Spelling


def _entries(pin: Pin, _: Listing) -> list[Entry]:
    return [_entry(spec) for spec in pin.packages]


def _entry(spec: str) -> Entry:
    name, version = wanted(spec)
    parts = version.count(".") + 1
    return Entry(
        spec,
        name,
        version if is_exact(version) else "",
        "",  # the archives offered are those of the pin's CUDA
        False,
        lambda other: not version or fnmatchcase(other, version) or other.startswith(f"{version}."),
        lambda other: f"{name}={'.'.join(other.split('.')[:parts])}",
    )


SPELLING = Spelling(_entries, Version, Version, by_platform=True)
