"""Whose trouble an error is: one upstream's alone, so that the others go on, or everybody's, so that all stops."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cudepot.disk import storage_errors
from cudepot.errors import BusyError, CudepotError, InternalError, SignerError, SiteError, StorageError

_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE),
}
_FORBIDDEN = {errno.EACCES, errno.EPERM}  # of our own store; a folder that somebody else filled is an upstream


class Trouble(NamedTuple):
    """What went wrong with one upstream, or one build of it, and with nothing else."""

    name: str
    error: CudepotError


class Isolation(NamedTuple):
    """Keeps the trouble of one upstream from the others.

    Attributes:
        root: folder of our own store; what the disk refuses there is everybody's trouble.
        unforeseen: keeps an error that nobody foresaw with its traceback, and says where that can be read.
    """

    root: Path
    unforeseen: Callable[[BaseException], str]

    def alone(self, name: str, error: Exception) -> CudepotError:
        """Return an error as the trouble of ``name`` alone; what nobody foresaw goes into the log with its traceback.

        Raises:
            Exception: this very error, where all the others would meet it too: our own disk, another cudepot.
        """
        if self._is_everybodys(error):
            with storage_errors(self.root):
                raise error
        if isinstance(error, InternalError) and error.__cause__ is not None:
            self.unforeseen(error.__cause__)  # met in a thread, where there is no log
        if isinstance(error, CudepotError):
            return error
        return unforeseen(name, error, self.unforeseen(error))

    @contextmanager
    def each(self, name: str, note: Callable[[Trouble], object]) -> Iterator[None]:
        """Do something for one upstream; its trouble is noted, and the caller goes on with the next one."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever an upstream's bytes do to us
            note(Trouble(name, self.alone(name, error)))

    def lines(self, name: str, lines: Iterable[str]) -> Iterator[str]:
        """Give the lines of a check of one upstream; what ends it early is its last line, and the caller goes on."""
        try:
            yield from lines
        except InternalError as error:
            yield f"{name}: {self.alone(name, error)}"
        except CudepotError as error:
            yield f"{name}: {error}"
        except Exception as error:  # noqa: BLE001 - whatever an upstream's bytes do to us
            yield f"{name}: {self.alone(name, error)}"

    def _is_everybodys(self, error: BaseException) -> bool:
        if isinstance(error, BusyError | SiteError | SignerError):
            return True
        cause: BaseException | None = error
        while isinstance(cause, StorageError) and cause.__cause__ is not None:
            cause = cause.__cause__  # an object that is not there has no cause; a disk that refuses has one
        if not isinstance(cause, OSError):
            return False
        return cause.errno in _MACHINE or (cause.errno in _FORBIDDEN and self._is_ours(cause))

    def _is_ours(self, error: OSError) -> bool:
        return error.filename is None or str(error.filename).startswith(str(self.root))


def unforeseen(name: str, error: Exception, where: str) -> InternalError:
    """Return the trouble of ``name`` with what nobody foresaw; ``where`` says where its traceback is."""
    said = " ".join(str(error).split())[:300]
    found = InternalError(
        f"{type(error).__name__}: {said}".removesuffix(": "),
        hint=f"a bug in cudepot, triggered by data from {name}; report it with its traceback: {where}",
    )
    found.__cause__ = error
    return found
