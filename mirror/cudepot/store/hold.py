"""One process at a time: how a store is held while it is worked on."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from cudepot.disk import READ_ONLY, storage_errors
from cudepot.errors import BusyError
from cudepot.store.layout import LOCK, TMP


@contextlib.contextmanager
def held(root: Path, *, dry: bool, wait: float, said: Callable[[str], None], who: str) -> Iterator[None]:
    """Hold the store in ``root``; see :meth:`cudepot.store.local.LocalStore.locked`."""
    handle = _opened(LOCK.at(root), dry=dry)
    if handle is None:
        yield
        return
    with handle:
        if not _flocked(handle):
            _wait(root, handle, wait, said)
        if not dry:
            _begin(root, handle, who)
        yield


def _opened(path: Path, *, dry: bool) -> TextIO | None:
    """Open the lock; None where there is none and nobody can make one, so that nobody changes the store either."""
    with storage_errors(path):
        try:
            return path.open("a+")
        except OSError as error:
            if not dry or error.errno not in READ_ONLY:
                raise
        with contextlib.suppress(FileNotFoundError):
            return path.open("r")
        return None


def _flocked(handle: TextIO) -> bool:
    """Try to take the lock of an open file; return whether it is ours now."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(root: Path, handle: TextIO, wait: float, said: Callable[[str], None]) -> None:
    handle.seek(0)
    holder = f"another cudepot process ({handle.read().strip() or 'unknown'}) holds {root}"
    if wait:
        said(f"{holder}: waiting up to {wait:.0f} s")
    until = time.monotonic() + wait
    while time.monotonic() < until:
        time.sleep(0.05)
        if _flocked(handle):
            return
    raise BusyError(holder, hint="wait for it to finish, or use --wait; the lock ends with the process")


def _begin(root: Path, lock: TextIO, who: str) -> None:
    for left in TMP.at(root).iterdir():
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a full disk cannot take the note, and nothing depends on it
        os.truncate(lock.fileno(), 0)
        os.write(lock.fileno(), f"pid {os.getpid()}{who and f', {who}'}".encode())
