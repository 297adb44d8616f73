"""Temporary folders of a run, which go even when the run was killed: the next one clears them away."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_RUN = "cudepot-run-"
_YOUNG = 60.0  # seconds in which a folder may not be marked as used yet


@contextlib.contextmanager
def temporary_folder(place: str = "") -> Iterator[Path]:
    """Give an empty folder for this process alone, and take it away afterwards; killed runs' folders go with it.

    A folder is marked as used by a lock on itself, which the kernel takes back when its process ends, however.

    Args:
        place: where it is to be; by default where temporary files are now.
    """
    place = place or tempfile.gettempdir()
    _sweep(place)
    with tempfile.TemporaryDirectory(prefix=_RUN, dir=place) as name, _locked(Path(name)):
        yield Path(name)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Lock a folder, and tell whether that went well; a link is no folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)


@functools.cache
def _sweep(place: str) -> None:
    """Remove the folders there that are ours and that nobody uses any more; once for each place."""
    for folder in Path(place).glob(f"{_RUN}*"):
        with contextlib.suppress(OSError):
            about = folder.lstat()
            old = time.time() - about.st_mtime > _YOUNG
            if stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid() and old:
                with _locked(folder) as unused:
                    if unused:
                        shutil.rmtree(folder)
