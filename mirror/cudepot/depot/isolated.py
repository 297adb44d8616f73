"""Whose trouble an error is: one upstream's alone, so that the others go on, or everybody's, so that all stops."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from cudepot.depot.depot import Depot
from cudepot.disk import storage_errors
from cudepot.errors import BusyError, CudepotError, InternalError, SiteError, StorageError

_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE),
}
_FORBIDDEN = {errno.EACCES, errno.EPERM}  # of our own store; a folder that somebody else filled is an upstream


class Trouble(NamedTuple):
    """What went wrong with one upstream, or one build of it, and with nothing else."""

    name: str
    error: CudepotError


def alone(depot: Depot, name: str, error: Exception) -> CudepotError:
    """Return an error as the trouble of ``name`` alone; what nobody foresaw goes into the log with its traceback.

    Raises:
        Exception: this very error, where all the others would meet it too: our own disk, another cudepot.
    """
    if _is_everybodys(depot, error):
        with storage_errors(depot.store.root):
            raise error
    if isinstance(error, InternalError) and error.__cause__ is not None:
        depot.unforeseen(error.__cause__)  # met in a thread, where there is no log
    if isinstance(error, CudepotError):
        return error
    return unforeseen(name, error, depot.unforeseen(error))


def unforeseen(name: str, error: Exception, where: str) -> InternalError:
    """Return the trouble of ``name`` with what nobody foresaw; ``where`` says where its traceback is."""
    said = " ".join(str(error).split())[:300]
    found = InternalError(
        f"{type(error).__name__}: {said}".removesuffix(": "),
        hint=f"a fault in cudepot, met in what {name} brought; report it with its traceback: {where}",
    )
    found.__cause__ = error
    return found


@contextmanager
def each_alone(depot: Depot, name: str, note: Callable[[Trouble], object]) -> Iterator[None]:
    """Do something for one upstream; its trouble is noted, and the caller goes on with the next one."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever an upstream's bytes do to us
        note(Trouble(name, alone(depot, name, error)))


def lines_alone(depot: Depot, name: str, lines: Iterable[str]) -> Iterator[str]:
    """Give the lines of a check of one upstream; what ends it early is its last line, and the caller goes on."""
    try:
        yield from lines
    except InternalError as error:
        yield f"{name}: {alone(depot, name, error)}"
    except CudepotError as error:
        yield f"{name}: {error}"
    except Exception as error:  # noqa: BLE001 - whatever an upstream's bytes do to us
        yield f"{name}: {alone(depot, name, error)}"


def _is_everybodys(depot: Depot, error: BaseException) -> bool:
    if isinstance(error, BusyError | SiteError):
        return True
    cause: BaseException | None = error
    while isinstance(cause, StorageError) and cause.__cause__ is not None:
        cause = cause.__cause__  # an object that is not there has no cause; a disk that refuses has one
    if not isinstance(cause, OSError):
        return False
    return cause.errno in _MACHINE or (cause.errno in _FORBIDDEN and _is_ours(depot, cause))


def _is_ours(depot: Depot, error: OSError) -> bool:
    return error.filename is None or str(error.filename).startswith(str(depot.store.root))
