"""Which targets can take a wheel, by the tags in its name and the Pythons it is for; asked thousands of times."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, parse_tag

from cudepot.kinds.wheels.rules.target import Target, tags

_MOST_DOTS = 40  # in the tags of a file name: three sets multiply


class Fitting:
    """Which of some targets fit, one bit for each; every answer is found once.

    Args:
        targets: for which machines.

    Attributes:
        every: the bits of all targets.
    """

    def __init__(self, targets: tuple[Target, ...]) -> None:
        self._targets, self.every = targets, (1 << len(targets)) - 1
        self._tags: dict[str, int] = {}
        self._pythons: dict[str, int] = {"": self.every}

    def tags(self, text: str) -> int:
        """Return the targets that a wheel's tags fit."""
        found = self._tags.get(text)
        if found is None:
            bits = (rank(text, one) is not None for one in self._targets)
            found = self._tags[text] = sum(fits << bit for bit, fits in enumerate(bits))
        return found

    def wants(self, filename: str) -> bool:
        """Return whether a file is no wheel, or one that some target could take."""
        if not filename.endswith(".whl"):
            return True
        parts = filename[:-4].rsplit("-", 3)
        return len(parts) == 4 and self.tags(f"{parts[1]}-{parts[2]}-{parts[3]}") != 0

    def pythons(self, requires_python: str) -> int:
        """Return the targets with a patch level of Python that a file is for."""
        found = self._pythons.get(requires_python)
        if found is None:
            bits = (any(takes(requires_python, python) for python in _ends(one)) for one in self._targets)
            found = self._pythons[requires_python] = sum(fits << bit for bit, fits in enumerate(bits))
        return found


@functools.lru_cache(maxsize=16)
def fitting(targets: tuple[Target, ...]) -> Fitting:
    """Return what knows of these targets."""
    return Fitting(targets)


@functools.lru_cache(maxsize=1 << 14)
def _tags(text: str) -> frozenset[Tag]:
    """Return the tags that a compressed set means; none for one that nobody could have meant."""
    try:
        return parse_tag(text) if text.count(".") < _MOST_DOTS else frozenset()
    except ValueError:
        return frozenset()


@functools.lru_cache(maxsize=1 << 16)
def rank(text: str, target: Target) -> int | None:
    """Return how well a wheel's tags fit a target, 0 best; None where they do not."""
    order: Mapping[Tag, int] = tags(target)
    return min((order[one] for one in _tags(text) if one in order), default=None)


def _ends(target: Target) -> tuple[str, ...]:
    return (target.python,) if target.is_exact else (f"{target.python}.0", f"{target.python}.99")


@functools.lru_cache(maxsize=1 << 12)
def takes(requires_python: str, python: str) -> bool:
    """Return whether a version of Python is one of those a file is for; what nobody can read binds nobody."""
    try:
        return not requires_python or SpecifierSet(requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True
