"""Calls hooks when something happened: a fault began or ended, a version changed in place, a snapshot is shown.

A hook that fails is told, and stops nothing.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

from cudepot import __version__
from cudepot.catalog.config.config import Config
from cudepot.catalog.config.hooks import Hook
from cudepot.catalog.event import Event, render_event
from cudepot.catalog.faults import CHANGED
from cudepot.catalog.site.promotion import parse_promotion
from cudepot.depot.depot import Depot
from cudepot.depot.fault_memory import Standing, standing_faults
from cudepot.depot.locked import environment_fault_name
from cudepot.errors import CudepotError
from cudepot.masked import masked
from cudepot.store.local import LocalStore

SIGNATURE = "Cudepot-Signature"
"""Header with the site's signature of the body: a detached one, armored, in base64 because headers are one line."""
NOT_DONE = "not done after"
_SKIPPED = "not called: it was not done in time for another event of this run"
_SAID, _TOLD = 2000, 200
"""Bytes of what a failing command said that are read, and signs of them that are told and kept."""
_SECRET = re.compile(r"(?i)token|secret|passw|credential|api_?key|access_?key")
_SHORT = 6
"""Signs below which the value of such a variable is no secret that can be told from a word."""


class Observed(NamedTuple):
    """What hooks are told the changes of.

    Attributes:
        faults: those that stand; of many files with one fault, one.
        shown: the snapshot the site shows; None for none.
        promotions: number of the last record of a promotion.
        promotion: returns what a record says.
        readable: whether the site could be read, so that ``shown`` means something.
    """

    faults: Mapping[tuple[str, str, str], Mapping[str, Any]]
    shown: int | None
    promotions: int = 0
    promotion: Callable[[int], Mapping[str, Any]] = lambda _: {}
    readable: bool = True


class Fired(NamedTuple):
    """What became of a call: the hook's name, the event, and why it failed; empty where it did not."""

    name: str
    event: str
    error: str

    def line(self) -> str:
        """Return a failure in one line."""
        return f"hook {self.name} failed for {self.event}: {self.error}"


def observed(depot: Depot) -> Observed | None:
    """Return what there is now; None where that cannot be read, of which the verbs tell."""
    try:
        last = (depot.store.promotions.numbers() or [0])[-1]
        found = Observed(_faults(depot), None, last, lambda one: _promotion(depot.store, one))
    except (CudepotError, OSError):
        return None
    try:
        return found._replace(shown=depot.site().current())
    except (CudepotError, OSError):  # a bucket that is down hides no faults of upstreams
        return found._replace(readable=False)


def _promotion(store: LocalStore, number: int) -> Mapping[str, Any]:
    """Return what a record says, but for the packages one by one: `channels` has these."""
    one = parse_promotion(store.promotions.read(number)[0], f"promotion {number}")
    told = one._asdict()
    return {key: told[key] for key in ("channel", "snapshot", "shows", "who", "why", "counts")} | {
        "from": one.source, "before": one.instead or None, "record": number,
    }  # fmt: skip


def _faults(depot: Depot) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    names = [*(one.name for one in depot.config.upstreams)]
    names += [environment_fault_name(one.name) for one in depot.config.environments]
    every: dict[tuple[str, str, str], list[Standing]] = {}
    for one in (fault for name in names for fault in standing_faults(depot.store, name)):
        every.setdefault((one.upstream, one.verb, one.fault.kind), []).append(one)
    return {key: {**found[0].as_json(), "count": len(found)} for key, found in every.items()}


def happened(before: Observed | None, after: Observed | None) -> Iterator[Event]:
    """Give what happened between two looks."""
    if before is None or after is None:
        return
    for key, fault in before.faults.items():
        if key not in after.faults:
            yield Event("fault-ends", fault)
    for key, fault in after.faults.items():
        if key not in before.faults:
            yield Event("fault-begins", fault)
            if fault["kind"] == CHANGED:
                yield Event("changed-in-place", fault)
    if before.readable and after.shown is not None and after.shown != before.shown:
        yield Event("shown", {"snapshot": after.shown, "before": before.shown})
    for number in range(before.promotions + 1, after.promotions + 1):
        yield Event("promoted", after.promotion(number))


def fire(depot: Depot, events: Event | Sequence[Event]) -> tuple[Fired, ...]:
    """Call every hook that wants to know of an event, one after the other; what fails is in what is returned.

    One that was not done in time is not called again: twenty upstreams that are down make twenty events.
    """
    found: list[Fired] = []
    late = set[str]()
    for event in [events] if isinstance(events, Event) else events:
        for hook in (one for one in depot.config.hooks if event.kind in one.on):
            known = hook.name in late
            found.append(Fired(hook.name, event.kind, _SKIPPED) if known else _called(depot, hook, event))
            if found[-1].error.startswith(NOT_DONE):
                late.add(hook.name)
    return tuple(found)


def _called(depot: Depot, hook: Hook, event: Event) -> Fired:
    try:
        error = _call(depot, hook, event)
    except CudepotError as trouble:
        error = str(trouble)
    except Exception as trouble:  # noqa: BLE001 - whatever a hook does, the run goes on
        error = f"{type(trouble).__name__}: {trouble}"
    return Fired(hook.name, event.kind, _without_secrets(error, depot.variables))


def _without_secrets(error: str, variables: Mapping[str, str]) -> str:
    """Return why a hook failed, for reports that others can read: in one line, short, without known secrets."""
    for value in (one for name, one in variables.items() if _SECRET.search(name) and len(one) >= _SHORT):
        error = error.replace(value, "***")
    why, mark, said = masked(" ".join(error.split())).partition(": ")
    return f"{why}{mark}{said if len(said) <= _TOLD else f'… {said[-_TOLD:].strip()}'}"


def _call(depot: Depot, hook: Hook, event: Event) -> str:
    """Call one hook; return why it failed, or nothing."""
    at = f"{depot.clock():%Y-%m-%dT%H:%M:%SZ}"
    body = render_event(_masked(event), id_=secrets.token_hex(8), at=at, site=_site(depot.config))
    if hook.command:
        return _run(hook, body, str(depot.base), {**depot.variables, "CUDEPOT_EVENT": event.kind})
    from cudepot.transport.webhook import post  # noqa: PLC0415 - loads requests

    post(hook.url, body, _headers(depot, hook, body), timeout=hook.timeout, sleep=depot.sleep)
    return ""


def _site(config: Config) -> dict[str, str]:
    return {"label": config.site.label, "url": config.site.reached_at}


def _masked(event: Event) -> Event:
    """Return an event without logins in its URLs: it leaves this machine."""
    return Event(event.kind, {key: _without_logins(one) for key, one in event.told.items()})


def _without_logins(value: Any) -> Any:
    """Return a value with the logins in all of its texts masked: a fault tells its evidence in a table of its own."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {key: _without_logins(one) for key, one in value.items()}
    return [_without_logins(one) for one in value] if isinstance(value, list | tuple) else value


def _headers(depot: Depot, hook: Hook, body: bytes) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": f"cudepot/{__version__}"}
    if depot.config.site.key:  # the far side of an air gap has none
        headers[SIGNATURE] = base64.b64encode(depot.signer().detach(body)).decode()
    if hook.token_env:
        token = depot.variables.get(hook.token_env, "")
        if not token:
            raise CudepotError(f"{hook.token_env} is not set")
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _run(hook: Hook, body: bytes, folder: str, env: Mapping[str, str]) -> str:
    """Run a command with the event on standard input; it has a process group of its own, which ends with it."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as given:
        given.write(body)
        given.seek(0)
        child = subprocess.Popen(
            hook.command, stdin=given, stdout=said, stderr=said, cwd=folder, env=env, start_new_session=True
        )
        try:
            code = child.wait(hook.timeout)
        except subprocess.TimeoutExpired:
            return f"{NOT_DONE} {hook.timeout} s"
        finally:
            _end(child)
        return f"exit {code}: {_last(said)}".removesuffix(": ") if code else ""


def _end(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _last(said: IO[bytes]) -> str:
    """Return the end of what a command said."""
    size = said.seek(0, os.SEEK_END)
    said.seek(max(size - _SAID, 0))
    return said.read().decode(errors="replace").strip()
