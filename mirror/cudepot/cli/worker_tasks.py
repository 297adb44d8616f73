"""What Dask workers run: functions of a digest or a key and some settings, whose result is in the bucket.

They take credentials from the worker's own environment, and nothing of the project but ``cudepot.toml``, a lock and
where the bucket is. A task that is run twice, or cut, does no harm: objects are created once, under their sha256.
"""

from __future__ import annotations

import functools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cudepot import __version__, errors
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError, InternalError

if TYPE_CHECKING:
    from cudepot.catalog.config.config import Config
    from cudepot.depot.depot import Depot
    from cudepot.stores.s3.store import S3Store

_Result = TypeVar("_Result")
CACHE = 10 * 10**9
"""Bytes of objects that a thread of a worker keeps for its next task, where ``cache`` of [store] says nothing."""


class Settings(NamedTuple):
    """What every task needs to know, as plain values.

    Attributes:
        version: of the cudepot that asks: a worker with another one refuses.
        config: text of its cudepot.toml.
        places: see ``machine_places`` of the configuration.
        epoch: seconds since 1970 stamped into built packages.
    """

    version: str
    config: str
    places: tuple[tuple[str, str], ...]
    epoch: int


class Trouble(NamedTuple):
    """An error as it is sent: its class in :mod:`cudepot.errors`, what it says, and the hint."""

    kind: str
    text: str
    hint: str


def version() -> str:
    """Return the version of cudepot on this machine."""
    return __version__


def hash_object(settings: Settings, sha256: str) -> str | Trouble:
    """Hash an object of the bucket as it comes, and return the sha256 it has."""

    def work(depot: Depot, store: S3Store) -> str:
        del depot
        return store.hash_there(sha256)

    return _done(settings, work)


def fetch_object(settings: Settings, wanted: tuple[str, str, str, int]) -> str | Trouble:
    """Bring a file of an upstream (its name, the path, sha256 and size) into the bucket, and return its sha256."""

    def work(depot: Depot, store: S3Store) -> str:
        from cudepot.cli.progress import Silent
        from cudepot.depot.fetch import Wanted, fetch_one

        name, path, sha256, size = wanted
        fetch_one(Wanted(depot.source(depot.config.upstream(name)), path, Digest(sha256, size)), store, Silent())
        return sha256

    return _done(settings, work)


def build_packages(settings: Settings, lock: str, key: str) -> dict[str, Any] | Trouble:
    """Run the build of a lock (as TOML) that has this key, and return what it made as its record has it."""

    def work(depot: Depot, store: S3Store) -> dict[str, Any]:
        from cudepot.workflows.build.repackage import build_alone

        del store
        return build_alone(depot.workshop, lock, key)

    return _done(settings, work)


def _done(settings: Settings, work: Callable[[Depot, S3Store], _Result]) -> _Result | Trouble:
    """Do a piece of work and return what it gives, or what went wrong as something that can be sent."""
    try:
        if settings.version != __version__:
            raise ConfigError(
                f"a worker has cudepot {__version__}, this is {settings.version}",
                hint="install the same on all workers",
            )
        with _working(settings) as (depot, store):
            return work(depot, store)
    except CudepotError as error:
        return trouble_of(error)


def trouble_of(error: CudepotError) -> Trouble:
    """Return an error as it is sent."""
    known = next(one.__name__ for one in type(error).__mro__ if getattr(errors, one.__name__, None) is one)
    return Trouble(known, str(error), error.hint)


def error_of(trouble: Trouble) -> CudepotError:
    """Return the error that was sent."""
    kind = getattr(errors, trouble.kind, InternalError)
    found: CudepotError = kind(trouble.text, hint=trouble.hint)
    return found


_OWN = threading.local()
_TRIM_EVERY = 60  # seconds


@contextmanager
def _working(settings: Settings) -> Iterator[tuple[Depot, S3Store]]:
    """Give the depot of this thread; what becomes an object is in the bucket afterwards."""
    depot, store = _depot_of(settings)
    store.there.forget()  # what it knows may be a day old
    with store.sending():
        yield depot, store
    if time.monotonic() > _OWN.__dict__.get("trimmed", 0.0) + _TRIM_EVERY:
        store.trim(CACHE)
        _OWN.trimmed = time.monotonic()


def _depot_of(settings: Settings) -> tuple[Depot, S3Store]:
    """Return the depot of this thread, made when it works with these settings first."""
    known: dict[Settings, tuple[Depot, S3Store]] = _OWN.__dict__.setdefault("depots", {})
    if settings not in known:
        known.clear()
        known[settings] = _made(settings)
    return known[settings]


def _made(settings: Settings) -> tuple[Depot, S3Store]:
    from cudepot.cli.context import worker_depot

    folder = tempfile.TemporaryDirectory(prefix="cudepot-worker-", dir=_place())
    _OWN.__dict__.setdefault("folders", []).append(folder)  # removed with the process
    return worker_depot(Path(folder.name), _config(settings.config, settings.places), settings.epoch)


def _place() -> str | None:
    """Return the worker's own folder, as Dask says; None outside of one."""
    from distributed import get_worker

    try:
        return str(get_worker().local_directory)
    except (ValueError, AttributeError):
        return None


@functools.lru_cache(4)
def _config(text: str, places: tuple[tuple[str, str], ...]) -> Config:
    from cudepot.workflows.configuration import NOWHERE, parse_text

    known: Mapping[str, str] = dict(places)
    return parse_text(text, lambda preset, _: known.get(preset.name, NOWHERE))
