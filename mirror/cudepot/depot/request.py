"""Hashes over what decides an upstream's lock, and which of its signatures hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from cudepot.catalog.config.config import Pin
from cudepot.catalog.config.environments import Environment, Wants
from cudepot.catalog.config.upstream import Upstream
from cudepot.depot.key_files import key_files
from cudepot.digest import Digest, hasher
from cudepot.errors import ConfigError

_REPORTED_ONLY = ("max_age", "settings", "package_keys", "keeps", "distributions", "connections")
"""What changes what is reported, not what is locked; and what is hashed in another way."""

_MOST_WANTED = 64 << 20  # bytes of a file that an environment names: far more than a lock of thousands of packages


def request_hash(upstream: Upstream, pins: tuple[Pin, ...]) -> str:
    """Return a hash over all that decides what an upstream is asked for; settings older locks lack only if used."""
    alike = {name: value for name, value in asdict(upstream).items() if name not in _REPORTED_ONLY}
    checked = {"rpm_keys": upstream.package_keys} if upstream.package_keys else {}
    settings = {**alike, **checked, **upstream.settings.hashed()}
    asked = json.dumps([settings, [_asked(pin) for pin in pins]], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()


def _asked(pin: Pin) -> dict[str, object]:
    return {name: value for name, value in asdict(pin).items() if name != "keep" or value != 1}


def key_hash(base: Path, upstream: Upstream) -> str:
    """Return a hash over all that decides which signatures hold; empty where a keyring cannot be read."""
    one = hasher()
    one.update("\n".join(upstream.keys).encode())
    try:
        for path in key_files(base, upstream):
            one.update(Digest.of(path.read_bytes()).sha256.encode())
    except OSError:
        return ""
    return one.hexdigest()


def environment_request(base: Path, upstreams: Sequence[Upstream], environment: Environment, wants: Wants) -> str:
    """Return a hash over all that an environment asks for of one kind of packages, files and places included.

    Args:
        base: folder of cudepot.toml.
        upstreams: those of cudepot.toml.
        environment: as cudepot.toml has it.
        wants: what it wants of the kind.

    Raises:
        ConfigError: a file cannot be read, or an upstream is not there.
    """
    machines: list[object] = [environment.platforms, environment.python, environment.glibc, environment.cuda]
    if environment.distribution:  # locks of before have none
        machines += [environment.distribution, environment.architectures, environment.base]
        machines += [environment.bootstrap, environment.recommends]
    files = wants.files(partial(read_wanted, base))
    contents = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    owners = [(one.name, one.type, one.url) for one in wants.owners(upstreams)]
    asked = json.dumps([machines, wants.hashed(), contents, owners], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()


def read_wanted(base: Path, name: str) -> bytes:
    """Return a file that an environment names; raise ConfigError where it cannot be read, or is no such file."""
    try:
        with (base / name).open("rb") as handle:
            data = handle.read(_MOST_WANTED + 1)
    except (OSError, ValueError) as error:
        told = (isinstance(error, OSError) and error.strerror) or error
        raise ConfigError(f"{name}: {told}", hint="an [[environment]] of cudepot.toml names it") from error
    if len(data) > _MOST_WANTED:
        raise ConfigError(
            f"{name}: more than {_MOST_WANTED >> 20} MiB, which no file of requirements has",
            hint="an [[environment]] of cudepot.toml names it, or a file that one names",
        )
    return data
