"""cudepot.lock as it is on disk, and whether it answers cudepot.toml."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import tomli

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Lock
from cudepot.catalog.lock_document import parse_lock, render_lock
from cudepot.depot.fault_memory import Standing, standing_faults
from cudepot.depot.request import request_hash
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError
from cudepot.store.local import LocalStore

_ANEW = "restore it from version control, or remove it and run `cudepot lock`"


def load_lock(path: Path) -> Lock:
    """Read cudepot.lock; raise ConfigError when it is missing or malformed."""
    try:
        return parse_lock(tomli.loads(path.read_text("utf-8")))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}", hint=error.hint or _ANEW) from error
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no lock yet", hint="run `cudepot lock` first") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {error}", hint=_ANEW) from error


def lock_or_empty(path: Path) -> Lock:
    """Read cudepot.lock; an empty lock where there is none. Raise as :func:`load_lock` does when it is malformed."""
    return load_lock(path) if path.exists() else Lock()


def current_lock(config: Config, store: LocalStore, lock_path: Path) -> Lock:
    """Read the lock and make sure that it answers the present cudepot.toml; see :func:`answering`."""
    return answering(config, store, load_lock(lock_path))


def answering(config: Config, store: LocalStore, lock: Lock) -> Lock:
    """Return the lock with the licences accepted now; raise ConfigError when it does not answer cudepot.toml.

    An upstream that could not be locked stops no other: :func:`unanswered` names it.
    """
    pinned = pinned_upstreams(config)
    for name in {one.name for one in lock.upstreams} - {one.name for one in pinned}:
        raise ConfigError(
            f"cudepot.lock has upstream {name!r}, of which nothing is pinned now", hint="run `cudepot lock`"
        )
    for upstream in _unanswered(config, lock):
        if not _faults(store, upstream):
            raise ConfigError(
                f"cudepot.lock does not answer cudepot.toml (upstream {upstream.name!r} or its pins changed)",
                hint="run `cudepot lock`",
            )
    if not lock.upstreams:
        raise ConfigError("cudepot.lock has no upstream: none could be locked", hint="see `cudepot status`")
    return replace(lock, accepted_eula=tuple(sorted(config.accept_eula)))


def unanswered(config: Config, store: LocalStore, lock: Lock) -> tuple[str, ...]:
    """Return a line for each upstream that could not be locked as cudepot.toml has it now, and since when."""
    return tuple(
        f"{one.name}: {'stays as it was locked before' if lock.upstream(one.name) else 'is left out'}: "
        f"`cudepot lock` fails since {fault.since}: {fault.fault.kind}"
        for one in _unanswered(config, lock)
        for fault in _faults(store, one)
    )


def _unanswered(config: Config, lock: Lock) -> list[Upstream]:
    requests = {one.name: one.request for one in lock.upstreams}
    return [one for one in pinned_upstreams(config) if requests.get(one.name) != request_hash(one, config.pins_of(one))]


def _faults(store: LocalStore, upstream: Upstream) -> list[Standing]:
    return [one for one in standing_faults(store, upstream.name) if one.verb == "lock"]


def pinned_upstreams(config: Config) -> list[Upstream]:
    """Return the upstreams that something is pinned of, or that are mirrored whole; raise ConfigError for none."""
    found = [upstream for upstream in config.upstreams if upstream.whole or config.pins_of(upstream)]
    if not found:
        raise ConfigError(
            "cudepot.toml pins nothing", hint="add a [[pin]], or `whole = true`; see `cudepot explain formats`"
        )
    return found


def record_acceptance(lock_path: Path, lock: Lock) -> Lock:
    """Write the licences that are accepted now into cudepot.lock, and return it; nothing else in it changes."""
    old = load_lock(lock_path)
    if old.accepted_eula == lock.accepted_eula:
        return old
    new = replace(old, accepted_eula=lock.accepted_eula)
    write_atomic(lock_path, document(new))
    return new


def document(lock: Lock) -> bytes:
    """Return a lock as it is written, after reading it again."""
    import tomli_w  # noqa: PLC0415 - where nothing changed nothing is written

    data = tomli_w.dumps(render_lock(lock)).encode()
    parse_lock(tomli.loads(data.decode()))
    return data
