"""What a file asks for: requirements, what binds them, and the bytes it insists on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple


class Asked(NamedTuple):
    """What files of requirements ask for.

    Attributes:
        requirements: as PEP 508 writes them.
        constraints: requirements that bind what is needed, and need nothing themselves.
        hashes: normalised project → sha256 of the files that it may come as; nothing for one that may be any.
        notes: what was not followed, a line each.
    """

    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    hashes: Mapping[str, frozenset[str]] = MappingProxyType({})
    notes: tuple[str, ...] = ()

    def as_constraints(self) -> Asked:
        """Return the same, of a file that binds only."""
        return self._replace(requirements=(), constraints=(*self.constraints, *self.requirements))


def together(parts: Sequence[Asked]) -> Asked:
    """Return what several ask for together, each thing once."""
    hashes: dict[str, frozenset[str]] = {}
    for one in parts:
        for project, given in one.hashes.items():
            hashes[project] = hashes.get(project, frozenset()) | given
    return Asked(
        tuple(dict.fromkeys(text for one in parts for text in one.requirements)),
        tuple(dict.fromkeys(text for one in parts for text in one.constraints)),
        hashes,
        tuple(dict.fromkeys(text for one in parts for text in one.notes)),
    )
