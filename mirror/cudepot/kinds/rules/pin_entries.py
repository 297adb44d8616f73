"""One entry of a pin, read as `lock` reads it: which package, which versions, and how it would name another version.

How a pin is spelt is each kind's own: ``kinds/KIND/rules/entries.py`` has its :class:`Spelling`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cudepot.catalog.config.config import Pin
from cudepot.catalog.name_globs import Names
from cudepot.catalog.nvidia.cuda_variant import cuda_said, is_cuda_variant
from cudepot.errors import FormatError

_CUDA_TEXT = re.compile(r"[+.]cuda(\d+)")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a pin's ``packages``.

    Attributes:
        spec: as it is in cudepot.toml.
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


@dataclass(frozen=True, slots=True)
class Spelling:
    """How pins on one kind of upstream name packages and versions.

    Attributes:
        read: gives the entries of a pin; what there is tells where an rpm's name ends and its version begins.
        key: sorts versions as the ecosystem does; it raises FormatError or ValueError for what is none.
        check: raises the same where a version cannot be compared.
        is_early: tells of a version whether only those get it who ask for it: a pre-release.
        by_platform: whether a pin says for which platforms it is meant; else what is locked tells.
    """

    read: Callable[[Pin, Listing], list[Entry]]
    key: Callable[[str], Any]
    check: Callable[[str], object]
    is_early: Callable[[str], bool] = lambda _: False
    by_platform: bool = False

    def is_version(self, text: str) -> bool:
        """Return whether versions of that kind can be compared with a text."""
        try:
            self.check(text)
        except (FormatError, ValueError):
            return False
        return True


def cuda_in(text: str) -> str:
    """Return the major version of the CUDA that a deb's version or an rpm's release names; empty where it names none.

    >>> cuda_in("8.0.5.39-1+cuda11.1"), cuda_in("1.cuda11.1"), cuda_in("*")
    ('11', '11', '')
    """
    said = _CUDA_TEXT.search(text)
    return said[1] if said else ""
