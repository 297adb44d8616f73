"""Trying again from the root on: a chain is taken whole, so what is repeated is the whole chain."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple, Protocol, TypeVar

from cudepot.catalog.faults import fault_of
from cudepot.depot.depot import Clock, Depot
from cudepot.depot.fault_memory import Standing, note_faults
from cudepot.errors import CudepotError
from cudepot.store.local import LocalStore

MAX_PAUSE = 120.0  # seconds
_KEPT = "its locked files are kept, and so is the site; run `cudepot lock` again later"


class Part(Protocol):
    """What is resolved alone, so that a fault of it stops no other: an upstream, or an environment."""

    @property
    def name(self) -> str:
        """What its faults are remembered and told under."""
        ...

    @property
    def place(self) -> str:
        """Where it is, for faults that name no other place; empty for what is in no one place."""
        ...


_Part = TypeVar("_Part", bound=Part)
_Found = TypeVar("_Found")


class Failure(NamedTuple):
    """A part that could not be locked: its name, the error as it is told, and the fault as it is remembered."""

    upstream: str
    error: CudepotError
    standing: Standing


def rounds(depot: Depot, wait: float) -> Iterator[Depot]:
    """Give the depot; then, after growing pauses, one that asks past caches, until ``wait`` seconds are used up."""
    yield depot
    fresh = replace(depot, source=lambda upstream: depot.source(upstream).fresh())
    end, pause = depot.clock() + timedelta(seconds=wait), 1.0
    while (left := (end - depot.clock()).total_seconds()) > 0.05:
        nap = min(pause * random.uniform(0.8, 1.2), left)  # noqa: S311
        depot.progress.say(f"trying again, everything from the root on, in {nap:.0f} s")
        depot.sleep(nap)
        pause = min(pause * 2, MAX_PAUSE)
        yield fresh


def resolve_all(
    depot: Depot, parts: Sequence[_Part], resolve: Callable[[Depot, _Part], _Found], wait: float
) -> tuple[dict[str, _Found], dict[str, CudepotError]]:
    """Resolve every part, again where a fault may pass; return what was resolved and what was not, and why."""
    done: dict[str, _Found] = {}
    errors: dict[str, CudepotError] = {}
    for attempt in rounds(depot, wait):
        for one in parts:
            if one.name in done or not _may_pass(errors.get(one.name), one):
                continue
            depot.progress.step(f"resolving {one.name}")
            try:
                done[one.name] = resolve(attempt, one)
                errors.pop(one.name, None)
            except Exception as error:  # noqa: BLE001 - whatever others' bytes do to us
                errors[one.name] = attempt.isolation.alone(one.name, error)
        if not any(_may_pass(errors[one.name], one) for one in parts if one.name in errors):
            break
    return done, errors


def _may_pass(error: CudepotError | None, part: Part) -> bool:
    return error is None or fault_of(error, part.place).passing


def failures(
    store: LocalStore,
    clock: Clock,
    parts: Sequence[Part],
    errors: Mapping[str, CudepotError],
    *,
    first: bool = True,
) -> Iterator[Failure]:
    """Remember the faults of this run, forget those that are over, and give each error as it is to be told.

    Without ``first`` a fault that was not there before is told by its message alone.
    """
    for one in parts:
        error = errors.get(one.name)
        faults = [fault_of(error, one.place)] if error else []
        for standing in note_faults(store, clock, one.name, "lock", faults):
            assert error is not None, "a fault was found, so there was an error"
            is_new = standing.since == standing.seen
            told = error.retold(f"{one.name}: {error}") if is_new and not first else with_evidence(error, standing)
            yield Failure(one.name, told, standing)


def with_evidence(error: CudepotError, standing: Standing) -> CudepotError:
    """Return the error with the name of its fault before it and the evidence behind it, on one line."""
    fault = standing.fault
    behind = "; ".join(one for one in (str(error), fault.line()) if one)
    found = error.retold(f"{standing.upstream}: {fault.kind}, since {standing.since}: {behind}")
    found.hint = error.hint or _KEPT
    return found
