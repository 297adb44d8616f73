"""What is published and cannot be installed: findings, and whether somebody allowed them with a reason. Pure.

A repository is known by the name of its upstream (``ubuntu2204/x86_64``), a conda channel as ``conda/NAME``. Each
ecosystem's prover gives its findings; what becomes of them is the same for all, and decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cudepot.errors import UnsolvableError

_SHOWN = 3  # findings of one repository that are told; the rest is counted


class Unsolvable(NamedTuple):
    """A package that no client could install from where it is published.

    Attributes:
        name: the repository or channel: the upstream's name, or ``conda/NAME``.
        package: with its version, as its ecosystem writes them: ``app 1.0``.
        relation: what fails, as the package says it: ``Depends: libz (>= 2)``.
        because: why it fails; may be empty.
    """

    name: str
    package: str
    relation: str
    because: str = ""

    def __str__(self) -> str:
        reason = f": {self.because}" if self.because else ""
        return f"{self.package} ({self.relation}){reason}"


@dataclass(slots=True)
class Findings:
    """What one run of a resolver learnt of one upstream.

    Attributes:
        found: what no client could install.
        again: whether it is to look although nothing changed.
        notes: what else is to be told of the upstream, a line each.
        complete: whether it looked for all that `publish` looks for, so that finding nothing says something.
    """

    again: bool = False
    found: list[Unsolvable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Allowed:
    """A repository that is published although not all of it can be installed, and why somebody wants that."""

    name: str
    reason: str


def refused(findings: Iterable[Unsolvable], allowed: Sequence[Allowed]) -> dict[str, UnsolvableError]:
    """Return the error of each repository that cannot be installed and that nobody allowed."""
    names = {one.name for one in allowed}
    grouped = {name: found for name, found in _by_name(findings).items() if name not in names}
    return {name: _error(name, found) for name, found in grouped.items()}


def notes(findings: Iterable[Unsolvable], allowed: Sequence[Allowed]) -> tuple[str, ...]:
    """Return a line for each allowed repository: what cannot be installed, and the reason it was allowed for."""
    found = _by_name(findings)
    return tuple(
        f"{one.name}: published although not all of it can be installed ({one.reason})"
        + (f": {_first_few(found[one.name])}" if one.name in found else "")
        for one in allowed
    )


def amended(before: Sequence[Allowed], allow: Mapping[str, str], forbid: Iterable[str]) -> tuple[Allowed, ...]:
    """Return what is allowed after ``allow`` (name → reason) was added and ``forbid`` was taken back, by name."""
    reasons = {one.name: one.reason for one in before} | dict(allow)
    for name in forbid:
        reasons.pop(name, None)
    return tuple(Allowed(name, reasons[name]) for name in sorted(reasons))


def _by_name(findings: Iterable[Unsolvable]) -> dict[str, list[Unsolvable]]:
    grouped: dict[str, list[Unsolvable]] = {}
    for one in findings:
        grouped.setdefault(one.name, []).append(one)
    return grouped


def _first_few(found: Sequence[Unsolvable]) -> str:
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(map(str, found[:_SHOWN])) + more


def _error(name: str, found: Sequence[Unsolvable]) -> UnsolvableError:
    return UnsolvableError(
        f"no client can install from {name}: {_first_few(found)}",
        hint="pin versions that fit together, or publish it anyway: "
        f'cudepot lock --allow-unsolvable {name} --reason "…"',
    )
