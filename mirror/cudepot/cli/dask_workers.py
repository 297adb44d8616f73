"""Workers of a Dask cluster: its scheduler hands out tasks, and hands them out again where a worker is lost.

There is no queue, lease or heartbeat of ours. The scheduler sees cudepot.toml, locks, hashes and the bucket's name, but
no credentials: those are in the environment of each worker.
"""

from __future__ import annotations

import contextlib
import logging
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from cudepot import __version__
from cudepot.cli import worker_tasks as tasks
from cudepot.cli.worker_tasks import Settings, Trouble, error_of
from cudepot.depot.workers import Made
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError, TransientError

if TYPE_CHECKING:
    from distributed import Client, Future

    from cudepot.catalog.lock import Lock
    from cudepot.depot.fetch_locked import Missing

_PATIENCE = 30  # seconds for the scheduler to answer, and for the first worker
_RETRIES = 3
_FEW, _SMALL = 32, 16 << 20  # files in a task, and their bytes: a task costs some milliseconds whatever it does
_TURNS = 4  # tasks that every thread gets at least, so that all end at about the same time
_Item = TypeVar("_Item")
Task = Callable[..., Any]
_INSTALL = (
    "install the same cudepot, with its extra `dask`, on the scheduler and every worker; see `cudepot explain operate`"
)
_AGAIN = "see the logs of scheduler and workers, and run the command again: what was done is found in the bucket"


class DaskWorkers:
    """See :class:`cudepot.depot.workers.Workers`.

    Args:
        address: of the scheduler, as ``tcp://scheduler:8786``.
        settings: what tasks need to know.
    """

    def __init__(self, address: str, settings: Settings) -> None:
        self.address, self._settings = address, settings
        self._client = _connected(address)
        self.insides: dict[Digest, tuple[str, ...]] = {}

    def close(self) -> None:
        """Let the scheduler forget what was asked of it."""
        with contextlib.suppress(OSError, TimeoutError):  # one that is gone has forgotten
            self._client.close(timeout=_PATIENCE)

    def hashed(self, objects: Sequence[Digest]) -> Iterator[tuple[Digest, str | CudepotError]]:
        """Hash objects where they are; see the port."""

        def values(some: Sequence[Digest]) -> tuple[list[str]]:
            return ([one.sha256 for one in some],)

        for one, found in self._one_by_one(tasks.hash_objects, self._portions(objects, lambda one: one.size), values):
            yield one, error_of(found) if isinstance(found, Trouble) else str(found)

    def fetched(self, wanted: Sequence[Missing]) -> Iterator[tuple[Missing, CudepotError | None]]:
        """Bring files of upstreams into the bucket; see the port."""

        def values(some: Sequence[Missing]) -> tuple[list[tuple[str, str, str, int]]]:
            return ([(one.upstream, one.path, one.digest.sha256, one.digest.size) for one in some],)

        portions = self._portions(wanted, lambda one: one.digest.size)
        for one, found in self._one_by_one(tasks.fetch_objects, portions, values):
            if not isinstance(found, Trouble) and found:
                self.insides[one.digest] = tuple(map(str, found))
            yield one, error_of(found) if isinstance(found, Trouble) else None

    def built(self, lock: Lock, keys: Sequence[str]) -> Iterator[tuple[str, Made | CudepotError]]:
        """Run builds; see the port."""
        import tomli_w

        from cudepot.catalog.lock_document import render_lock
        from cudepot.depot.builds import made_of

        text = tomli_w.dumps(render_lock(lock))
        for (key,), found in self._each(tasks.build_packages, [[one] for one in keys], lambda some: (text, some[0])):
            yield key, error_of(found) if isinstance(found, Trouble) else made_of(found)

    def _portions(self, items: Sequence[_Item], size: Callable[[_Item], int]) -> list[list[_Item]]:
        """Return items as tasks take them: small ones together, as long as every thread has several turns."""
        threads = 1
        with contextlib.suppress(OSError, TimeoutError):  # a scheduler that is gone is found gone when it is asked
            threads = sum(self._client.nthreads().values()) if self._client.status == "running" else 1
        return portions(items, size, max(1, min(_FEW, len(items) // (max(threads, 1) * _TURNS))))

    def _one_by_one(
        self, task: Task, asked: Sequence[list[_Item]], values: Callable[[list[_Item]], tuple[Any, ...]]
    ) -> Iterator[tuple[_Item, Any]]:
        """Give each item with what its task returned for it."""
        for some, found in self._each(task, asked, values):
            yield from ((one, found) for one in some) if isinstance(found, Trouble) else zip(some, found, strict=True)

    def _each(
        self, task: Task, asked: Sequence[list[_Item]], values: Callable[[list[_Item]], tuple[Any, ...]]
    ) -> Iterator[tuple[list[_Item], Any]]:
        """Give each list of items with what its task returned, as they end.

        A scheduler that went away has forgotten all: when it is there again, it is asked once more.
        """
        lost = []
        for some, found in self._asked(task, asked, values):
            if found is _LOST:
                lost.append(some)
            else:
                yield some, found
        if lost:
            trouble = self._reconnected()
            rest = ((some, trouble) for some in lost) if trouble else self._asked(task, lost, values)
            yield from ((some, self._gone() if found is _LOST else found) for some, found in rest)

    def _asked(
        self, task: Task, asked: Sequence[list[_Item]], values: Callable[[list[_Item]], tuple[Any, ...]]
    ) -> Iterator[tuple[list[_Item], Any]]:
        """Give each list of items with what its task returned; :data:`_LOST` where the scheduler is no longer there."""
        from distributed import as_completed

        if self._client.status != "running":
            yield from ((some, _LOST) for some in asked)
            return
        submit, settings = self._client.submit, self._settings
        jobs = {submit(task, settings, *values(some), pure=False, retries=_RETRIES): some for some in asked}
        for job, found in as_completed(jobs, with_results=True, raise_errors=False, loop=self._client.loop):
            yield jobs[job], found if job.status == "finished" else _given_up(job, found)

    def _reconnected(self) -> Trouble | None:
        """Find the scheduler again, which may have been started anew; return what is wrong if it cannot be."""
        self.close()
        try:
            self._client = _connected(self.address)
        except ConfigError:
            return self._gone()
        return None

    def _gone(self) -> Trouble:
        return Trouble(TransientError.__name__, f"{self.address}: the Dask scheduler went away", _AGAIN)


_LOST = object()


def portions(items: Sequence[_Item], size: Callable[[_Item], int], most: int) -> list[list[_Item]]:
    """Return items in lists of at most so many, and of :data:`_SMALL` bytes unless one alone has more."""
    found: list[list[_Item]] = []
    taken = 0
    for one in items:
        if not found or len(found[-1]) >= most or taken + size(one) > _SMALL:
            found.append([])
            taken = 0
        found[-1].append(one)
        taken += size(one)
    return found


def _given_up(job: Future, found: object) -> object:
    """Return what is told of a task that has no result: its workers died, again and again, or the scheduler is gone."""
    if job.status in ("cancelled", "lost"):
        return _LOST
    error = found[1] if isinstance(found, tuple) and len(found) > 1 else found
    text = " ".join(str(error).split()) or "no worker is left"
    return Trouble(TransientError.__name__, f"task {job.key} of Dask: {text[:300]}", _AGAIN)


def _connected(address: str) -> Client:
    """Return a client whose workers have this very cudepot.

    Raises:
        ConfigError: there is no scheduler, no worker, or one of another version.
    """
    try:
        from distributed import Client
    except ImportError as error:
        hint = f"{shlex.quote(sys.executable)} -m pip install 'distributed>=2025.1'"
        raise ConfigError("--workers needs Dask's `distributed`, which is not installed", hint=hint) from error
    for name in ("distributed", "distributed.client"):  # it writes of each worker that is lost
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=_PATIENCE)
        try:
            _check_versions(client, address)
        except BaseException:
            with contextlib.suppress(OSError, TimeoutError):
                client.close(timeout=_PATIENCE)
            raise
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise ConfigError(
            f"{address}: no Dask scheduler answers there: {said}", hint="start `dask scheduler`, or leave out --workers"
        ) from error
    return client


def _check_versions(client: Client, address: str) -> None:
    try:
        found = {f"worker {name}": one for name, one in _on_workers(client).items()}
        found[f"scheduler {address}"] = _on_scheduler(client)
    except TimeoutError as error:
        raise ConfigError(f"{address}: has no worker", hint=f"start `dask worker {address}`") from error
    for name, one in sorted(found.items()):
        if one != __version__:
            told = f"cudepot {one}" if isinstance(one, str) else f"no cudepot: {' '.join(str(one).split())}"
            raise ConfigError(f"{name} has {told}; this is {__version__}", hint=_INSTALL)


def _on_workers(client: Client) -> dict[str, Any]:
    """Return the version of cudepot that each worker has; one that dies meanwhile has none.

    Raises:
        TimeoutError: there is no worker.
    """
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        client.wait_for_workers(1, timeout=_PATIENCE)
        told: dict[str, Any] = client.run(tasks.ready, on_error="return")
        if found := {name: one for name, one in told.items() if not isinstance(one, OSError)}:
            return found
    raise TimeoutError


def _on_scheduler(client: Client) -> object:
    """Return the version of cudepot that the scheduler has, which reads what tasks it hands out."""
    try:
        return client.run_on_scheduler(tasks.version)
    except (OSError, TimeoutError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it met there
        return error
