"""Work that several threads ask for and that is done once: the others wait for it, and get what it gave or raised."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cudepot.errors import CudepotError

_Key = TypeVar("_Key", bound=Hashable)
_Result = TypeVar("_Result")


class _Done(Generic[_Result]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.results: list[_Result] = []
        self.error: CudepotError | None = None


class Once(Generic[_Key, _Result]):
    """Results by key; an error that can be foreseen is a result as well.

    Args:
        do: makes the result of a key.
    """

    def __init__(self, do: Callable[[_Key], _Result]) -> None:
        self._do, self._lock = do, threading.Lock()
        self._done: dict[_Key, _Done[_Result]] = {}

    def __call__(self, key: _Key) -> _Result:
        """Return the result of a key, made now where nobody asked for it yet; raise what making it raised."""
        with self._lock:
            done = self._done.setdefault(key, _Done())
        with done.lock:
            if not done.results and done.error is None:
                try:
                    done.results.append(self._do(key))
                except CudepotError as error:
                    done.error = error
        if done.error is not None:
            raise done.error
        return done.results[0]
