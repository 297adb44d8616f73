"""Pins on rpms: which packages, versions, CUDA variants and architectures somebody wants, written as dnf takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cudepot.catalog.config.config import Pin
from cudepot.catalog.name_globs import Names, fits, is_glob
from cudepot.catalog.nvidia.cuda_variant import is_cuda_variant
from cudepot.errors import PinError
from cudepot.formats.primary import Rpm
from cudepot.formats.rpm_version import key, split_evr
from cudepot.kinds.rules.other_spelling import meant_by as meant_otherwise
from cudepot.kinds.rules.other_spelling import spelled_out
from cudepot.kinds.rules.unmatched import find_each, spelled

_EVR = r"(?:(?P<epoch>[0-9]+):)?(?P<version>[^-]+)"
_FORMS = tuple(
    re.compile(one)
    for one in (
        rf"(?P<name>.+)-{_EVR}-(?P<release>[^-]+)\.(?P<arch>[^.-]+)",
        r"(?P<name>.+)\.(?P<arch>[^.-]+)",
        r"(?P<name>.+)",
        rf"(?P<name>.+)-{_EVR}-(?P<release>[^-]+)",
        rf"(?P<name>.+)-{_EVR}",
    )
)
"""The ways to read a pin, in dnf's order; the first that finds a package counts."""


@dataclass(frozen=True, slots=True)
class RpmPin:
    """A wanted package, read in one of the ways.

    Attributes:
        text: as it is in cudepot.toml.
        name, version, release, arch: globs.
        epoch: digits; empty for any.
        versioned: whether it asks for versions; else the newest is meant.
        cuda: CUDA variant that name or release must say; empty for any.
        machines: architectures it is wanted for; ``noarch`` always is.
        entry: number of the ``[[pin]]`` that has it.
    """

    text: str
    name: str
    epoch: str
    version: str
    release: str
    arch: str
    versioned: bool
    cuda: str
    machines: tuple[str, ...]
    entry: int = 0

    @property
    def is_glob(self) -> bool:
        """Whether the name stands for several packages."""
        return is_glob(self.name)

    def speaks_of(self, rpm: Rpm) -> bool:
        """Return whether the pin is about that package at all, whatever its version."""
        here = rpm.architecture in (*self.machines, "noarch")
        return here and fits(rpm.name, self.name) and fits(rpm.architecture, self.arch)

    def means(self, rpm: Rpm) -> bool:
        """Return whether the pin wants that package in that version."""
        if not self.speaks_of(rpm) or (self.cuda and not is_cuda_variant(rpm.name, rpm.evr, self.cuda)):
            return False
        epoch, version, release = split_evr(rpm.evr)
        return self.epoch in ("", epoch) and fits(version, self.version) and fits(release, self.release)

    def __str__(self) -> str:
        return f"{self.text} ({'; '.join(where)})" if (where := self._where()) else self.text

    def _where(self) -> list[str]:
        return ([f"CUDA {self.cuda}"] if self.cuda else []) + [", ".join(self.machines)]


class Rpms:
    """Packages of a repository, found by globs over their names."""

    def __init__(self, rpms: Iterable[Rpm]) -> None:
        self._rpms = list(rpms)
        self._places: dict[str, list[int]] = {}
        for at, rpm in enumerate(self._rpms):
            self._places.setdefault(rpm.name, []).append(at)
        self._names = Names(self._places)

    def __iter__(self) -> Iterator[Rpm]:
        return iter(self._rpms)

    def named(self, glob: str) -> list[Rpm]:
        """Return the packages whose name fits, in the order of the repository."""
        places = sorted(at for name in self._names.fitting(glob) for at in self._places[name])
        return [self._rpms[at] for at in places]


def rpm_pins(pin: Pin, machines: Sequence[str], rpms: Rpms) -> list[RpmPin]:
    """Return what one ``[[pin]]`` of cudepot.toml wants of a yum repository.

    Raises:
        PinError: a pin matches nothing.
    """
    wanted = tuple(one for one in machines if not pin.architectures or one in pin.architectures)
    return find_each(lambda text: _read(text, pin.cuda, wanted, rpms), pin.packages)


def _read(text: str, cuda: str, machines: tuple[str, ...], rpms: Rpms) -> RpmPin:
    ways = read_ways(text, cuda, machines)
    for way in ways:
        if any(way.means(one) for one in rpms.named(way.name)):
            return way
    raise PinError(f"pin {str(ways[0])!r} matches nothing", hint=_hint(ways, rpms), pins=(text,))


def read_ways(text: str, cuda: str, machines: tuple[str, ...]) -> list[RpmPin]:
    """Return a pin read in each of dnf's ways, in its order: which one is meant is for the repository to say."""
    return [way for form in _FORMS if (way := _way(form, text.strip(), cuda, machines))]


def _way(form: re.Pattern[str], text: str, cuda: str, machines: tuple[str, ...]) -> RpmPin | None:
    found = form.fullmatch(text)
    if not found:
        return None
    parts = dict.fromkeys(("version", "release", "arch"), "*") | {"epoch": ""}
    parts |= {name: value for name, value in found.groupdict().items() if value is not None}
    versioned = "version" in form.groupindex
    name, epoch, version, release, arch = (parts[one] for one in ("name", "epoch", "version", "release", "arch"))
    return RpmPin(text, name, epoch, version, release, arch, versioned, cuda, machines)


def meant(pin: RpmPin, rpms: Rpms) -> list[Rpm]:
    """Return the packages a pin means: the newest for each machine without a version, else all that match."""
    found = [one for one in rpms.named(pin.name) if pin.means(one)]
    if pin.versioned:
        return found
    newest: dict[tuple[str, str], Rpm] = {}
    for rpm in found:
        for machine in pin.machines if rpm.architecture == "noarch" else (rpm.architecture,):
            rival = newest.setdefault((rpm.name, machine), rpm)
            if key(rpm.evr) > key(rival.evr):
                newest[rpm.name, machine] = rpm
    kept = {id(one) for one in newest.values()}
    return [one for one in found if id(one) in kept]


def named_of(pins: Iterable[RpmPin], rpms: Rpms) -> list[list[Rpm]]:
    """Return what each ``[[pin]]`` names without a glob."""
    entries: dict[int, dict[str, Rpm]] = {}
    for pin in pins:
        if not pin.is_glob:
            entries.setdefault(pin.entry, {}).update({one.nevra: one for one in meant(pin, rpms)})
    return [list(several.values()) for several in entries.values()]


def pins_there(tables: Sequence[Pin], machines: Sequence[str], rpms: Rpms) -> list[RpmPin]:
    """Return what the ``[[pin]]`` tables want of packages that are locked; one of which none is left is passed over."""
    found: list[RpmPin] = []
    for number, pin in enumerate(tables):
        wanted = tuple(one for one in machines if not pin.architectures or one in pin.architectures)
        ways = (read_ways(text, pin.cuda, wanted) for text in pin.packages)
        there = (next((way for way in several if meant(way, rpms)), None) for several in ways)
        found += [replace(one, entry=number) for one in there if one]
    return found


def _hint(ways: Sequence[RpmPin], rpms: Rpms) -> str:
    if meant := _spelling(ways, rpms):
        return f"write {meant}"
    if hint := _otherwise(ways[0], rpms):
        return hint
    offered = {one.evr for one in rpms if any(way.speaks_of(one) for way in ways)}
    if offered:
        return f"versions there: {', '.join(sorted(offered, key=key)[-8:])}"
    others = {one.architecture for one in rpms if any(_would_mean(way, one) for way in ways)} - {"src", "nosrc"}
    if others:
        return f"it exists for {', '.join(sorted(others))}: add that to `architectures`"
    stem = re.split(r"[*?\[]", ways[0].text)[0][:6]
    close = sorted({one.name for one in rpms if stem and one.name.startswith(stem)})
    return f"similar names there: {', '.join(close[:8])}" if close else "check the name and the architecture"


def _otherwise(pin: RpmPin, rpms: Rpms) -> str:
    """Return a hint where a pin is spelt as apt, conda or pip would; empty where nothing there is meant."""
    here = ((one.name, one.evr) for one in rpms if one.architecture in (*pin.machines, "noarch"))
    found = sorted(meant_otherwise(pin.text, here, pin.cuda), key=lambda one: key(one[1]))
    return spelled_out([f"{name}-{evr}" for name, evr in found])


def _spelling(ways: Sequence[RpmPin], rpms: Rpms) -> str:
    """Return the pin as it has to be written where its version is spelt as apt or pip would; empty where it is not."""
    first = ways[0]
    name, _, version = (part.strip(" =") for part in first.text.partition("="))
    plain = [one for one in ways if one.versioned and one.arch == "*"]
    asked = [(name, version)] if "=" in first.text else [(one.name, _version(one)) for one in plain]
    for name, version in asked:
        loose = replace(first, name=name, epoch="", version="*", release="*", arch="*")
        evrs = sorted({one.evr for one in rpms.named(name) if loose.means(one)}, key=key)
        texts = [f"{name}-{version}", f"{name}-{found}" if (found := spelled(version, evrs)) else ""]
        for text in filter(None, texts if evrs else ()):
            if any(
                way.means(one) for way in read_ways(text, first.cuda, first.machines) for one in rpms.named(way.name)
            ):
                return text
    return ""


def _version(way: RpmPin) -> str:
    return way.version if way.release == "*" else f"{way.version}-{way.release}"


def _would_mean(way: RpmPin, rpm: Rpm) -> bool:
    """Return whether a pin would want a package if its architecture were asked for."""
    return replace(way, machines=(rpm.architecture,)).means(rpm)
