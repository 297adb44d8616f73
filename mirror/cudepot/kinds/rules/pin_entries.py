"""One entry of a pin, read as `lock` reads it: which package, which versions, and how it would name another version."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from packaging.version import Version

from cudepot.catalog.config.config import Pin
from cudepot.catalog.name_globs import Names, is_glob
from cudepot.catalog.nvidia.cuda_variant import cuda_said, is_cuda_variant
from cudepot.errors import FormatError
from cudepot.formats import rpm_version
from cudepot.formats import version as deb_version
from cudepot.formats.simple import project_name
from cudepot.kinds.apt.rules.pins import DebPin
from cudepot.kinds.redistrib.rules.manifests import is_exact, wanted
from cudepot.kinds.wheels.rules.select import parse_requirement
from cudepot.kinds.yum.rules.pins import RpmPin, read_ways

_CUDA_TEXT = re.compile(r"[+.]cuda(\d+)")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a pin's ``packages``.

    Attributes:
        spec: as it stands in cudepot.toml.
        name: of the package, or a glob over names.
        exact: the version it names; empty where it leaves a choice.
        cuda: CUDA that a package has to be for; empty for any.
        strict: whether a package has to say so itself, in name or version, as `cuda` of a pin wants it.
        admits: tells of a version, as the ecosystem writes it, whether the entry takes it.
        to: gives the entry with another version.
    """

    spec: str
    name: str
    exact: str
    cuda: str
    strict: bool
    admits: Callable[[str], bool]
    to: Callable[[str], str]

    def means_cuda(self, name: str, version: str) -> bool:
        """Return whether a package is for the CUDA that is meant."""
        asked = self.cuda and (self.strict or cuda_said(version))
        return not asked or is_cuda_variant(name, version, self.cuda)


class Listing:
    """Names, versions and machines of what an upstream offers and of what is locked.

    Args:
        rows: (name, version, machine).
    """

    def __init__(self, rows: Iterable[tuple[str, str, str]]) -> None:
        self._rows: dict[str, set[tuple[str, str]]] = {}
        for name, version, machine in rows:
            self._rows.setdefault(name, set()).add((version, machine))
        self._names = Names(self._rows)

    def names(self, glob: str) -> list[str]:
        """Return the names that fit."""
        return sorted(self._names.fitting(glob))

    def of(self, glob: str) -> Iterator[tuple[str, str]]:
        """Give version and machine of every row whose name fits."""
        for name in self.names(glob):
            yield from self._rows[name]


def version_key(kind: str) -> Callable[[str], Any]:
    """Return what sorts versions as the ecosystem of an upstream does; it raises FormatError or ValueError."""
    if kind == "apt":
        return deb_version.key
    if kind == "yum":
        return rpm_version.key
    return Version


def is_version(kind: str, text: str) -> bool:
    """Return whether versions of that kind can be compared with a text."""
    try:
        if kind == "apt":
            deb_version.parse(text)
        else:
            version_key(kind)(text)
    except (FormatError, ValueError):
        return False
    return True


def read_entries(pin: Pin, kind: str, listing: Listing) -> list[Entry]:
    """Return the entries of a pin.

    Args:
        pin: as it stands in cudepot.toml.
        kind: type of its upstream; one of ``apt``, ``yum``, ``simple``, ``redistrib``.
        listing: what there is: where an rpm's name ends and its version begins, only the repository knows.
    """
    if kind == "yum":
        return [_rpm(spec, pin, listing) for spec in pin.packages]
    return [_READERS[kind](spec, pin) for spec in pin.packages]


def _deb(spec: str, pin: Pin) -> Entry:
    one = DebPin.parse(spec)
    exact = "" if is_glob(one.version) else one.version
    said = _CUDA_TEXT.search(one.version)
    return Entry(
        spec,
        one.name,
        exact,
        pin.cuda or (said[1] if said else ""),
        bool(pin.cuda),
        lambda version: fnmatchcase(version, one.version),
        lambda version: f"{one.name}={version}",
    )


def _rpm(spec: str, pin: Pin, listing: Listing) -> Entry:
    """Read an rpm's name and version in the first way that means something there; else in one that knows the name."""
    forms = read_ways(spec, pin.cuda, ())
    rows = {one: [evr for evr, machine in listing.of(one.name) if fnmatchcase(machine, one.arch)] for one in forms}
    named = [one for one in forms if rows[one]]
    meant = [one for one in named if any(_takes(one, evr) for evr in rows[one])]
    one = next(iter(meant or named or forms))
    exact = "-".join(part for part in (one.version, one.release) if part != "*")
    said = _CUDA_TEXT.search(one.release)
    return Entry(
        spec,
        one.name,
        "" if not one.versioned or is_glob(exact) else exact,
        pin.cuda or (said[1] if said else ""),
        bool(pin.cuda),
        lambda evr: _takes(one, evr),
        lambda evr: _with_version(one, evr),
    )


def _takes(one: RpmPin, evr: str) -> bool:
    epoch, version, release = rpm_version.split_evr(evr)
    fits = fnmatchcase(version, one.version) and fnmatchcase(release, one.release)
    return one.epoch in ("", epoch) and fits


def _with_version(one: RpmPin, evr: str) -> str:
    """Return an rpm pin with another version, as far as it says one: with epoch, release, architecture or without."""
    epoch, version, release = rpm_version.split_evr(evr)
    text = f"{one.name}-{f'{epoch}:' if one.epoch else ''}{version}"
    text += f"-{release}" if one.release != "*" else ""
    return text + (f".{one.arch}" if one.arch != "*" else "")


def _wheel(spec: str, pin: Pin) -> Entry:  # noqa: ARG001
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


def _archive(spec: str, pin: Pin) -> Entry:  # noqa: ARG001
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


_READERS = {"apt": _deb, "simple": _wheel, "redistrib": _archive}
