"""Pins on Debian packages: which packages, versions, CUDA variants and architectures somebody wants."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cudepot.catalog.config import Pin
from cudepot.catalog.cuda_variant import is_cuda_variant
from cudepot.catalog.name_globs import Globs, is_glob
from cudepot.formats.apt import Package


@dataclass(frozen=True, slots=True)
class DebPin:
    """A wanted package.

    Attributes:
        name: its name, or a glob over names.
        version: a glob over versions; ``*`` means the newest.
        cuda: CUDA variant that name or version must say; empty for any.
        architectures: Debian architectures it is wanted for; empty for all there are.
    """

    name: str
    version: str = "*"
    cuda: str = ""
    architectures: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, cuda: str = "", architectures: tuple[str, ...] = ()) -> DebPin:
        """Read ``name`` or ``name=version-glob``, as apt-get install takes it."""
        name, _, version = text.partition("=")
        return cls(name.strip(), version.strip() or "*", cuda, architectures)

    @property
    def is_glob(self) -> bool:
        """Whether the name stands for several packages."""
        return is_glob(self.name)

    def speaks_of(self, package: Package) -> bool:
        """Tell whether the pin is about that package at all, whatever its version."""
        here = not self.architectures or package.architecture in (*self.architectures, "all")
        return here and fnmatch.fnmatchcase(package.name, self.name)

    def means(self, package: Package) -> bool:
        """Tell whether the pin wants that package in that version."""
        return (
            self.speaks_of(package)
            and fnmatch.fnmatchcase(package.version, self.version)
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


def deb_pins(pin: Pin) -> list[DebPin]:
    """Return what one ``[[pin]]`` of cudepot.toml wants of an apt repository."""
    return [DebPin.parse(text, pin.cuda, pin.architectures) for text in pin.packages]


def pin_finder(pins: Sequence[Pin]) -> Callable[[Package], Pin | None]:
    """Return what finds the pin that wants a package in its version, one with a recipe first."""
    every = [(pin, one) for pin in pins for one in deb_pins(pin)]
    by_name = Globs([one.name for _, one in every])

    def pin_of(package: Package) -> Pin | None:
        named = [every[at][0] for at in by_name.fitting(package.name) if every[at][1].means(package)]
        return next((pin for pin in named if pin.recipe), named[0] if named else None)

    return pin_of
