"""Workers of a Dask cluster: its scheduler hands out tasks, and hands them out again where a worker is lost.

There is no queue, lease or heartbeat of ours. The scheduler sees cudepot.toml, locks, hashes and the bucket's name, but
no credentials: those are in the environment of each worker.
"""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from cudepot import __version__
from cudepot.cli import worker_tasks as tasks
from cudepot.cli.worker_tasks import Settings, Trouble, error_of
from cudepot.depot.workers import Made
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError, TransientError

if TYPE_CHECKING:
    from distributed import Client

    from cudepot.catalog.lock import Lock
    from cudepot.depot.fetch_locked import Missing

_PATIENCE = 30  # seconds for the scheduler to answer, and for the first worker
_RETRIES = 3
_Item = TypeVar("_Item")
_INSTALL = "install the same cudepot, with its extra `dask`, on every worker; see `cudepot explain operate`"


class DaskWorkers:
    """See :class:`cudepot.depot.workers.Workers`.

    Args:
        address: of the scheduler, as ``tcp://scheduler:8786``.
        settings: what tasks need to know.
    """

    def __init__(self, address: str, settings: Settings) -> None:
        self.address, self._settings = address, settings
        self._client = _connected(address)

    def close(self) -> None:
        """Let the scheduler forget what was asked of it."""
        self._client.close()

    def hashed(self, objects: Sequence[Digest]) -> Iterator[tuple[Digest, str | CudepotError]]:
        """Hash objects where they are; see the port."""
        for one, found in self._each(tasks.hash_object, objects, lambda one: (one.sha256,)):
            yield one, error_of(found) if isinstance(found, Trouble) else str(found)

    def fetched(self, wanted: Sequence[Missing]) -> Iterator[tuple[Missing, CudepotError | None]]:
        """Bring files of upstreams into the bucket; see the port."""

        def values(one: Missing) -> tuple[tuple[str, str, str, int]]:
            return ((one.upstream, one.path, one.digest.sha256, one.digest.size),)

        for one, found in self._each(tasks.fetch_object, wanted, values):
            yield one, error_of(found) if isinstance(found, Trouble) else None

    def built(self, lock: Lock, keys: Sequence[str]) -> Iterator[tuple[str, Made | CudepotError]]:
        """Run builds; see the port."""
        import tomli_w

        from cudepot.catalog.lock_document import render_lock
        from cudepot.depot.builds import made_of

        text = tomli_w.dumps(render_lock(lock))
        for key, found in self._each(tasks.build_packages, keys, lambda one: (text, one)):
            yield key, error_of(found) if isinstance(found, Trouble) else made_of(found)

    def _each(
        self, task: Callable[..., Any], items: Sequence[_Item], values: Callable[[_Item], tuple[Any, ...]]
    ) -> Iterator[tuple[_Item, Any]]:
        """Give each item with what its task returned, as they end."""
        from distributed import as_completed

        jobs = {
            self._client.submit(task, self._settings, *values(one), pure=False, retries=_RETRIES): one for one in items
        }
        for job, found in as_completed(jobs, with_results=True, raise_errors=False):
            yield jobs[job], _lost(job.key, found) if job.status != "finished" else found


def _lost(key: str, found: object) -> Trouble:
    """Return what is told of a task that the scheduler gave up."""
    error = found[1] if isinstance(found, tuple) and len(found) > 1 else found
    text = " ".join(str(error).split()) or "no worker is left"
    return Trouble(
        TransientError.__name__, f"task {key} of Dask: {text[:300]}", "see the logs of scheduler and workers"
    )


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
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it writes of each worker that is lost
    try:
        client = Client(address, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise ConfigError(
            f"{address}: no Dask scheduler answers there: {said}", hint="start `dask scheduler`, or leave out --workers"
        ) from error
    try:
        _check_versions(client, address)
    except BaseException:
        client.close()
        raise
    return client


def _check_versions(client: Client, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
        found: dict[str, Any] = client.run(tasks.version, on_error="return")
    except TimeoutError as error:
        raise ConfigError(f"{address}: has no worker", hint=f"start `dask worker {address}`") from error
    for worker, one in sorted(found.items()):
        if one != __version__:
            told = f"cudepot {one}" if isinstance(one, str) else f"no cudepot: {' '.join(str(one).split())}"
            raise ConfigError(f"worker {worker} has {told}; this is {__version__}", hint=_INSTALL)
