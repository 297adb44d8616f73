"""What a set of pins on rpms leads to: the packages chosen, and those that no machine could install. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cudepot.catalog.unsolvable import Unsolvable
from cudepot.formats.primary import Rpm


class Fault(NamedTuple):
    """Packages that cannot be installed together on a machine of an architecture, and why, in libsolv's words."""

    rpms: Sequence[Rpm]
    machine: str
    because: str

    def unsolvable(self, name: str) -> Unsolvable:
        """Return it as a finding of the repository of that name."""
        how = "cannot be installed together on" if len(self.rpms) > 1 else "cannot be installed on"
        return Unsolvable(name, label(self.rpms), f"{how} {self.machine}", self.because)


@dataclass(slots=True)
class RpmSelection:
    """What was chosen, and why (``pin``, ``needed by NAME``).

    Attributes:
        external: what the distribution has to have.
        elsewhere: what of that the upstream has for architectures that nobody asked for, and which these are.
        faults: pinned packages that cannot be installed on a machine.
        notes: what else is to be told, a line each.
    """

    chosen: dict[str, tuple[Rpm, str]] = field(default_factory=dict)
    external: set[str] = field(default_factory=set)
    elsewhere: dict[str, set[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def label(rpms: Sequence[Rpm]) -> str:
    """Return packages as messages name them."""
    return " and ".join(one.nevra for one in rpms[:3]) + (f" and {len(rpms) - 3} more" if len(rpms) > 3 else "")
