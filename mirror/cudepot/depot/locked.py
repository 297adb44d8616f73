"""cudepot.lock as it is on disk, and whether it is what cudepot.toml asks for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import tomli

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Lock
from cudepot.catalog.lock_document import parse_lock, render_lock
from cudepot.depot.fault_memory import Standing, standing_faults
from cudepot.depot.request import environment_request, request_hash
from cudepot.errors import ConfigError
from cudepot.store.local import LocalStore
from cudepot.user_files import write_user_file

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
    return answering(config, store, load_lock(lock_path), lock_path.parent)


def answering(config: Config, store: LocalStore, lock: Lock, base: Path) -> Lock:
    """Return the lock with the licences accepted now; raise ConfigError when it does not answer cudepot.toml.

    An upstream that could not be locked stops no other: :func:`unanswered` names it.
    """
    used = {one.name for one in (*pinned_upstreams(config), *environment_upstreams(config))}
    for name in {one.name for one in lock.upstreams} - used:
        raise ConfigError(
            f"cudepot.lock has upstream {name!r}, but nothing is pinned from it now", hint="run `cudepot lock`"
        )
    for upstream in _unanswered(config, lock):
        if not _faults(store, upstream):
            raise ConfigError(
                f"cudepot.lock is out of date with cudepot.toml (upstream {upstream.name!r} or its pins changed)",
                hint="run `cudepot lock`",
            )
    for name in _unanswered_environments(config, lock, base):
        if not standing_environment(store, name):
            raise ConfigError(
                f"cudepot.lock is out of date with cudepot.toml (environment {name!r} or a file it names changed)",
                hint="run `cudepot lock`",
            )
    if not lock.upstreams:
        raise ConfigError("cudepot.lock has no upstreams: none could be locked", hint="see `cudepot status`")
    return replace(lock, accepted_eula=tuple(sorted(config.accept_eula)))


def unanswered(config: Config, store: LocalStore, lock: Lock) -> tuple[str, ...]:
    """Return a line for each upstream and environment that could not be locked as it is wanted now, and since when."""
    upstreams = [(lock.upstream(one.name), fault) for one in _unanswered(config, lock) for fault in _faults(store, one)]
    there = {one.name for one in lock.environments}
    environments = [
        (one.name in there, fault) for one in config.environments for fault in standing_environment(store, one.name)
    ]
    return tuple(
        f"{fault.upstream}: {'kept as locked before' if before else 'is left out'}: "
        f"`cudepot lock` has failed since {fault.since}: {fault.fault.kind}"
        for before, fault in (*upstreams, *environments)
    )


def unlocked(config: Config, lock: Lock, base: Path) -> tuple[str, ...]:
    """Return a line for each thing that cudepot.toml asks for otherwise than it was locked; needs no store, no network.

    Whether upstreams have something newer is not known then.

    Raises:
        ConfigError: cudepot.toml pins nothing.
    """
    used = {one.name for one in (*pinned_upstreams(config), *environment_upstreams(config))}
    gone = sorted({one.name for one in lock.upstreams} - used)
    lines = [f"upstream {name}: nothing is pinned from it now" for name in gone]
    lines += [
        f"upstream {one.name}: {'it or its pins changed' if lock.upstream(one.name) else 'not locked'}"
        for one in _unanswered(config, lock)
    ]
    environments = dict.fromkeys(_unanswered_environments(config, lock, base))
    lines += [f"environment {name}: it or a file it names changed" for name in environments]
    if set(lock.accepted_eula) != set(config.accept_eula):
        lines.append("accept-eula: the accepted licences changed")
    return tuple(lines)


def _unanswered_environments(config: Config, lock: Lock, base: Path) -> Iterator[str]:
    """Give the environments of which the lock has something else than cudepot.toml wants, or nothing."""
    wanted = {(one.name, kind): (one, wants) for one in config.environments for kind, wants in one.wants}
    locked = {(one.name, one.kind): one.request for one in lock.environments}
    yield from (name for name, kind in locked if (name, kind) not in wanted)
    for (name, kind), (one, wants) in wanted.items():
        request = ""
        with contextlib.suppress(ConfigError):  # `lock` has told it
            request = environment_request(base, config.upstreams, one, wants)
        if not request or locked.get((name, kind)) != request:
            yield name


def environment_fault_name(name: str) -> str:
    """Return what faults of an environment are remembered under; no upstream can be called so."""
    return f"environment {name}"


def standing_environment(store: LocalStore, name: str) -> list[Standing]:
    """Return why an environment could not be locked, if so."""
    return [one for one in standing_faults(store, environment_fault_name(name)) if one.verb == "lock"]


def _unanswered(config: Config, lock: Lock) -> list[Upstream]:
    requests = {one.name: one.request for one in lock.upstreams}
    return [one for one in pinned_upstreams(config) if requests.get(one.name) != request_hash(one, config.pins_of(one))]


def _faults(store: LocalStore, upstream: Upstream) -> list[Standing]:
    return [one for one in standing_faults(store, upstream.name) if one.verb == "lock"]


def pinned_upstreams(config: Config) -> list[Upstream]:
    """Return the upstreams that something is pinned of, or that are mirrored whole.

    Raises:
        ConfigError: there is none, and no environment either.
    """
    found = [upstream for upstream in config.upstreams if upstream.whole or config.pins_of(upstream)]
    if not found and not config.environments:
        raise ConfigError(
            "cudepot.toml pins nothing",
            hint="add a [[pin]], an [[environment]], or `whole = true`; see `cudepot explain formats`",
        )
    return found


def environment_upstreams(config: Config) -> list[Upstream]:
    """Return the upstreams that environments may have packages of; one that names another it does not have has none."""
    names = set[str]()
    for wants in (wants for one in config.environments for _, wants in one.wants):
        with contextlib.suppress(ConfigError):
            names |= {one.name for one in wants.owners(config.upstreams)}
    return [one for one in config.upstreams if one.name in names]


def record_acceptance(lock_path: Path, lock: Lock) -> Lock:
    """Write the licences that are accepted now into cudepot.lock, and return it; nothing else in it changes."""
    old = load_lock(lock_path)
    if old.accepted_eula == lock.accepted_eula:
        return old
    new = replace(old, accepted_eula=lock.accepted_eula)
    write_user_file(lock_path, document(new))
    return new


def document(lock: Lock) -> bytes:
    """Return a lock as it is written, after reading it again."""
    import tomli_w  # noqa: PLC0415 - where nothing changed nothing is written

    data = tomli_w.dumps(render_lock(lock)).encode()
    parse_lock(tomli.loads(data.decode()))
    return data
