"""Which of the updates of an upstream can be locked: tried on a store that is thrown away, fewer where not all can.

What moves together is tried together: packages that go from one version to another, as those of one release do. Of
those that cannot be locked the rest is found by halves, and tried again once others have moved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from cudepot.catalog.config.config import Config
from cudepot.depot.depot import Depot
from cudepot.depot.partly import PartlyLockedError
from cudepot.depot.rounds import Failure
from cudepot.errors import PinError
from cudepot.kinds.rules.newer import Update
from cudepot.workflows.lock.lock import make_lock

Units = Sequence[Sequence[Update]]


@dataclass(frozen=True, slots=True)
class Trials:
    """Trials of the updates of one upstream.

    Attributes:
        depot: with a store for a dry run.
        upstream: its name.
        wait: seconds to go on trying where a fault may pass.
        configured: gives the configuration with some updates, and with the pins on the upstream alone.
        why: what kept updates from being locked, by what it says.
    """

    depot: Depot
    upstream: str
    wait: float
    configured: Callable[[Sequence[Update]], Config]
    why: dict[str, Failure] = field(default_factory=dict)

    def kept(self, updates: Sequence[Update]) -> list[Update]:
        """Return the updates that can be locked together; :attr:`why` has then why others cannot."""
        failure = self._failure(updates)
        if failure is None:
            return list(updates)
        if isinstance(failure.error, PartlyLockedError):
            self.why[str(failure.error)] = failure
            return [one for one in updates if one.name not in failure.error.projects]
        units = _units(updates)
        if len(units) == 1 or not isinstance(failure.error, PinError):
            self.why[str(failure.error)] = failure
            return []
        self.depot.progress.step(f"looking for the updates of {self.upstream} that can be locked")
        return self._fewer(units)

    def _fewer(self, units: Units) -> list[Update]:
        kept: list[Update] = []
        left: Units = units
        while True:
            self.why.clear()
            found, still = self._fitting(kept, left, is_all=not kept)
            if not still or len(still) == len(left):
                return found
            kept, left = found, still

    def _fitting(
        self, base: list[Update], units: Units, *, is_all: bool = False
    ) -> tuple[list[Update], list[Sequence[Update]]]:
        """Return ``base`` with what can be locked beside it, and what cannot; all at once is known not to fit."""
        every = [*base, *(one for unit in units for one in unit)]
        failure = self._failure(every) if not is_all else None
        if failure is None and not is_all:
            return every, []
        if len(units) == 1:
            if failure:
                self.why[str(failure.error)] = failure
            return base, list(units)
        half = len(units) // 2
        first, left = self._fitting(base, units[:half])
        second, more = self._fitting(first, units[half:])
        return second, [*left, *more]

    def _failure(self, updates: Sequence[Update]) -> Failure | None:
        """Return why the upstream cannot be locked with some updates; None where it can."""
        result = make_lock(replace(self.depot, config=self.configured(updates)), dry_run=True, wait=self.wait)
        return next((one for one in result.failed if one.upstream == self.upstream), None)


def _units(updates: Sequence[Update]) -> list[list[Update]]:
    units: dict[tuple[str, str], list[Update]] = {}
    for one in updates:
        units.setdefault((one.locked, one.newest), []).append(one)
    return list(units.values())
