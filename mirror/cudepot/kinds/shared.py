"""What kinds keep from one environment to the next while all are resolved: pages that were read, a solver that runs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import ExitStack
from typing import Protocol, Self, TypeVar, cast


class Closing(Protocol):
    """Something that has to be closed."""

    def close(self) -> None:
        """Let go of what it holds."""


_Thing = TypeVar("_Thing", bound=Closing)


class Shared:
    """Things by key, closed in the end."""

    def __init__(self) -> None:
        self._things: dict[Hashable, Closing] = {}
        self._ending = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._ending.close()

    def thing(self, key: Hashable, make: Callable[[], _Thing]) -> _Thing:
        """Return what is kept under a key; it is made where nothing is."""
        if key not in self._things:
            self._things[key] = made = make()
            self._ending.callback(made.close)
        return cast(_Thing, self._things[key])

    def forget(self, key: Hashable) -> None:
        """Let what is kept under a key be made again when it is asked for again."""
        self._things.pop(key, None)
