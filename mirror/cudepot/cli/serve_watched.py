"""What ``cudepot serve`` answers to monitors: /healthz, /readyz, /metrics."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Mapping

from cudepot.catalog.site_tops import WATCHED
from cudepot.cli.context import opened
from cudepot.cli.output import complain
from cudepot.errors import ConfigError, CudepotError
from cudepot.transport.web import Told

_PLAIN = "text/plain; charset=utf-8"
EVERY = 10.0
"""Seconds for which metrics are taken as they are: what they are made of is read from the disk each time."""


def watched(args: argparse.Namespace, trouble: Callable[[], str]) -> Mapping[str, Callable[[], Told]]:
    """Return path → what is told there.

    Args:
        args: of the verb: they name the project.
        trouble: says why clients find no site; nothing where they do. One whose upstreams have faults is still a site.
    """
    metrics = _unmeasured if lacking() else _Recent(lambda: _metrics(args), time.monotonic)
    answers = (_healthy, lambda: _ready(trouble()), metrics)
    return {f"/{name}": answer for name, answer in zip(WATCHED, answers, strict=True)}


def lacking() -> str:
    """Return why there are no metrics, and what to install for them; empty where there are."""
    from cudepot.workflows.metrics import check_library

    try:
        check_library()
    except ConfigError as error:
        return f"{error}: {error.hint}"
    return ""


def _unmeasured() -> Told:
    """Answer that this server has no metrics at all: no fault that passes."""
    return Told(501, _PLAIN, f"no metrics here: {lacking()}\n".encode())


def _healthy() -> Told:
    return Told(200, _PLAIN, b"ok\n")


def _ready(trouble: str) -> Told:
    return Told(503, _PLAIN, f"{trouble}\n".encode()) if trouble else Told(200, _PLAIN, b"ok\n")


class _Recent:
    """An answer that takes work: made for one at a time, and kept for those who ask soon after."""

    def __init__(self, make: Callable[[], Told], clock: Callable[[], float]) -> None:
        self._make, self._clock, self._lock = make, clock, threading.Lock()
        self._told, self._until = Told(503, _PLAIN, b""), float("-inf")

    def __call__(self) -> Told:
        """Return the answer."""
        with self._lock:
            if self._clock() >= self._until:
                self._told = self._make()
                self._until = self._clock() + EVERY
            return self._told


def _metrics(args: argparse.Namespace) -> Told:
    """Return the project's metrics, by the cudepot.toml of this moment; errors are told where this server runs."""
    from cudepot.workflows.facts import facts
    from cudepot.workflows.metrics import TEXT, exposed

    quiet = argparse.Namespace(**{**vars(args), "quiet": True})
    try:
        with opened(quiet, exclusive=False) as depot:
            return Told(200, TEXT, exposed(facts(depot)))
    except CudepotError as error:
        complain(error, as_json=False)
        return Told(503, _PLAIN, b"no metrics now: the output of `cudepot serve` says why\n")
