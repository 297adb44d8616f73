"""Pins on Debian packages: which packages, versions, CUDA variants and architectures somebody wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cudepot.catalog.config.config import Pin
from cudepot.catalog.name_globs import Globs, fits, is_glob
from cudepot.catalog.nvidia.cuda_variant import is_cuda_variant


class Deb(Protocol):
    """What pins look at: a package of an index, or one that is locked."""

    @property
    def name(self) -> str:
        """The package's name."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def architecture(self) -> str:
        """Its architecture, or ``all``."""


@dataclass(frozen=True, slots=True)
class DebPin:
    """A wanted package.

    Attributes:
        name: its name, or a glob over names.
        version: a glob over versions; ``*`` means the newest.
        cuda: CUDA variant that name or version must say; empty for any.
        architectures: Debian architectures it is wanted for; empty for all there are.
        entry: number of the ``[[pin]]`` that has it.
    """

    name: str
    version: str = "*"
    cuda: str = ""
    architectures: tuple[str, ...] = ()
    entry: int = 0

    @classmethod
    def parse(cls, text: str, cuda: str = "", architectures: tuple[str, ...] = (), entry: int = 0) -> DebPin:
        """Read ``name`` or ``name=version-glob``, as apt-get install takes it."""
        name, _, version = text.partition("=")
        return cls(name.strip(), version.strip() or "*", cuda, architectures, entry)

    @property
    def is_glob(self) -> bool:
        """Whether the name stands for several packages."""
        return is_glob(self.name)

    @property
    def is_exact(self) -> bool:
        """Whether it means one version, written as the package has it."""
        return not is_glob(self.version)

    def speaks_of(self, package: Deb) -> bool:
        """Return whether the pin is about that package at all, whatever its version."""
        here = not self.architectures or package.architecture in (*self.architectures, "all")
        return here and fits(package.name, self.name)

    def means(self, package: Deb) -> bool:
        """Return whether the pin wants that package in that version."""
        return (
            self.speaks_of(package)
            and fits(package.version, self.version)
            and (not self.cuda or is_cuda_variant(package.name, package.version, self.cuda))
        )

    @property
    def spec(self) -> str:
        """How ``packages`` of a pin names it."""
        return self.name if self.version == "*" else f"{self.name}={self.version}"

    def __str__(self) -> str:
        where = [f"CUDA {self.cuda}"] if self.cuda else []
        where += [", ".join(self.architectures)] if self.architectures else []
        return f"{self.spec} ({'; '.join(where)})" if where else self.spec


class PinTable:
    """Pins that are looked up by a package: thousands of versions of one name may be pinned."""

    def __init__(self, pins: Sequence[DebPin]) -> None:
        self._pins = pins
        self._exact: dict[tuple[str, str], list[int]] = {}
        self._loose: dict[str, list[int]] = {}
        self._machines: dict[str, set[str]] = {}
        self._wild = [number for number, one in enumerate(pins) if one.is_glob]
        self._globs = Globs([pins[number].name for number in self._wild])
        for number, one in enumerate(pins):
            if not one.is_glob:
                self._machines.setdefault(one.name, set()).update(one.architectures or ("",))
                if one.is_exact:
                    self._exact.setdefault((one.name, one.version), []).append(number)
                else:
                    self._loose.setdefault(one.name, []).append(number)

    def meaning(self, package: Deb) -> list[int]:
        """Return the places, in order, of the pins that want a package in its version."""
        plain = (*self._exact.get((package.name, package.version), ()), *self._loose.get(package.name, ()))
        return sorted(at for at in (*plain, *self._over_names(package)) if self._pins[at].means(package))

    def allows(self, package: Deb) -> bool:
        """Return whether a package may be taken for a dependency: one of which a pin speaks, as that means it only."""
        machines = self._machines.get(package.name, set())
        spoken = machines & {"", package.architecture} or (machines and package.architecture == "all")
        if not spoken and not any(self._pins[at].speaks_of(package) for at in self._over_names(package)):
            return True
        return bool(self.meaning(package))

    def _over_names(self, package: Deb) -> list[int]:
        return [self._wild[at] for at in self._globs.fitting(package.name)]


def deb_pins(pins: Sequence[Pin]) -> list[DebPin]:
    """Return what the ``[[pin]]`` tables of one apt repository want of it."""
    return [
        DebPin.parse(text, pin.cuda, pin.architectures, number)
        for number, pin in enumerate(pins)
        for text in pin.packages
    ]


def pin_finder(pins: Sequence[Pin]) -> Callable[[Deb], Pin | None]:
    """Return what finds the pin that wants a package in its version, one with a recipe first."""
    every = deb_pins(pins)
    table = PinTable(every)

    def pin_of(package: Deb) -> Pin | None:
        named = [pins[every[at].entry] for at in table.meaning(package)]
        return next((pin for pin in named if pin.recipe), named[0] if named else None)

    return pin_of


def exact_pins(pins: Sequence[Pin], debs: Sequence[Deb], *, files: bool) -> list[DebPin]:
    """Return pins on the very versions that are locked; those that one ``[[pin]]`` names without a glob stay together.

    Args:
        pins: the ``[[pin]]`` tables.
        debs: what is locked of them.
        files: whether the tables name files instead of packages: then each stands alone.
    """
    every = [] if files else deb_pins(pins)
    table = PinTable(every)
    found = []
    for number, deb in enumerate(debs, len(pins)):
        meaning = [every[at] for at in table.meaning(deb)]
        plain = next((one for one in meaning if not one.is_glob), None)
        machines = meaning[0].architectures if meaning else ()
        found.append(DebPin(deb.name, deb.version, "", machines, plain.entry if plain else number))
    return found
