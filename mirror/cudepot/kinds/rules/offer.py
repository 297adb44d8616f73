"""What an upstream has under a name that a pin may mean."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Offer:
    """One version of a package as an upstream offers it, for one machine.

    Attributes:
        version: as the ecosystem writes it.
        machine: Debian or rpm architecture; of wheels and archives conda's platform.
        size: bytes; 0 where the upstream does not say.
        path: where the upstream has it.
        withdrawn: why it is no longer to be taken, which may be empty; None where it is.
    """

    name: str
    version: str
    machine: str
    size: int
    path: str
    withdrawn: str | None = None
