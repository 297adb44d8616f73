"""What Dask workers run: functions of digests or a key and some settings, whose result is in the bucket.

They take credentials from the worker's own environment, and nothing of the project but ``cudepot.toml``, a lock and
where the bucket is. A task that is run twice, or cut, does no harm: objects are created once, under their sha256.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cudepot import __version__, errors
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError, FormatError, InternalError

if TYPE_CHECKING:
    from cudepot.catalog.config.config import Config
    from cudepot.depot.depot import Depot
    from cudepot.stores.s3.store import S3Store

_Result = TypeVar("_Result")
_NEEDED = ("cudepot.cli.context", "cudepot.stores.s3.store", "boto3.session", "cudepot.depot.fetch")
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


def ready() -> str:
    """Return the version of cudepot on a worker, which has loaded then what its first task needs."""
    for name in _NEEDED:
        importlib.import_module(name)
    return __version__


def hash_objects(settings: Settings, wanted: Sequence[str]) -> list[Any] | Trouble:
    """Hash objects of the bucket, by sha256, as they come; return the sha256 that each has, or its trouble."""

    def work(depot: Depot, store: S3Store) -> list[Any]:
        del depot
        return [_told(functools.partial(store.hash_there, one)) for one in wanted]

    return _done(settings, work)


def fetch_objects(settings: Settings, wanted: Sequence[tuple[str, str, str, int]]) -> list[Any] | Trouble:
    """Bring files of upstreams (name, path, sha256, size), which the bucket lacks, into it.

    Returns what each says of itself (``Checks.inside``), or its trouble.
    """

    def work(depot: Depot, store: S3Store) -> list[Any]:
        store.there.lacks(sha256 for _, _, sha256, _ in wanted)
        return [_told(functools.partial(_fetched, depot, store, *one)) for one in wanted]

    return _done(settings, work)


def _fetched(depot: Depot, store: S3Store, name: str, path: str, sha256: str, size: int) -> tuple[str, ...]:
    from cudepot.cli.progress import Silent
    from cudepot.depot.fetch import Wanted, fetch_one
    from cudepot.kinds.registry import kind_of

    upstream, digest = depot.config.upstream(name), Digest(sha256, size)
    fetch_one(Wanted(depot.source(upstream), path, digest), store, Silent())
    with contextlib.suppress(FormatError):  # the coordinator reads it again, and says so
        return kind_of(upstream).checks.inside(store, path, digest)
    return ()


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


def _told(work: Callable[[], _Result]) -> _Result | Trouble:
    try:
        return work()
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
