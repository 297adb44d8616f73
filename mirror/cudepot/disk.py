"""Writing to a local disk so that a crash leaves old or new, and its refusals become clear errors."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cudepot.errors import NoRoomError, StorageError

_HINTS = {
    errno.ENOSPC: "free some space and run the command again: it resumes",
    errno.EDQUOT: "the quota is used up: free some space and run the command again",
    errno.EFBIG: "the file size limit (ulimit -f, or the file system's) is too low",
    errno.EROFS: "the file system is mounted read-only",
    errno.EACCES: "check the owner and mode of the folder",
    errno.EPERM: "check the owner and mode of the folder",
}

_FEW, _SETTLERS = 5, 16  # files made durable one by one, threads for more
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
"""What a disk says on which nothing may be written."""


class storage_errors:  # noqa: N801 - used like a function; a class, because it is entered for every piece of a file
    """Turn the disk's refusals into StorageError that says what to do; other OSErrors pass."""

    __slots__ = ("_path",)

    def __init__(self, path: Path | str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.errno in _HINTS:
            text = f"{error.filename or self._path}: {os.strerror(error.errno)}"
            raise StorageError(text, hint=_HINTS[error.errno]) from error


_KEPT_FREE = 64 << 20  # bytes left to whoever else writes to that disk


def check_room(path: Path | str, size: int) -> None:
    """Refuse to begin what would fill a disk: ``size`` bytes below the folder ``path``.

    Raises:
        NoRoomError: there is less room than that.
    """
    if error := no_room(size, free_bytes(Path(path)), str(path)):
        raise error


def no_room(size: int, free: int, folder: str = "") -> NoRoomError | None:
    """Return the error for ``size`` bytes that do not fit into ``free`` ones below a folder; None where they fit."""
    short = size + _KEPT_FREE - free
    if short <= 0:
        return None
    return NoRoomError(
        f"{folder}: {amount(size)} are needed, {amount(free)} are free",
        hint=f"free another {amount(short)} there and run the command again: nothing was written, and what an "
        "earlier run fetched is kept",
    )


def amount(size: int) -> str:
    """Return bytes as people read them: ``12.3 GB``."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:,.1f} {unit}"
    return f"{size / 1e3:.0f} kB"


def free_bytes(folder: Path) -> int:
    """Return the bytes that are free for this user where a folder is, or will be made."""
    return shutil.disk_usage(nearest(folder)).free


def nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above that exists."""
    path = folder.absolute()
    while not path.exists():
        path = path.parent
    return path


def takes_links(source: Path, target: Path) -> bool:
    """Return whether a file below one folder can get a hard link below another: both are on one mount."""
    first, second = nearest(source), nearest(target)
    return first.stat().st_dev == second.stat().st_dev and _mount(first) == _mount(second)


def _mount(path: Path) -> str:
    """Return the mount that a path is on; a bind mount of the same file system is another one."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return ""
    real = f"{path.resolve()}/"
    points = (line.split()[4].replace("\\040", " ").rstrip("/") + "/" for line in lines)
    return max((one for one in points if real.startswith(one)), key=len, default="")


def fsync_folder(path: Path | str) -> None:
    """Make renames inside ``path`` durable."""
    _fsync(path, os.O_DIRECTORY)


def _fsync(path: Path | str, how: int = 0) -> None:
    handle = os.open(path, os.O_RDONLY | how)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_each(paths: Iterable[Path | str]) -> None:
    """Make files durable, and renames inside folders; many at once, which the disk joins."""
    several = list(paths)
    if len(several) < _FEW:
        for one in several:
            _fsync(one)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - where there are many

    with ThreadPoolExecutor(_SETTLERS) as pool:
        list(pool.map(_fsync, several))


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write ``data`` to ``path`` by temp file, fsync and rename, so that a reader sees old or new, never half.

    Raises:
        StorageError: the disk is full, read-only or not permitted.
    """
    write_chunks(path, (data,), mode=mode)


def write_chunks(path: Path, chunks: Iterable[bytes], *, mode: int = 0o644) -> None:
    """Write what is larger than memory in the same way; what ``chunks`` raises leaves the file as it was."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temp = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.writelines(chunks)
                out.flush()
                os.fchmod(out.fileno(), mode)
                os.fsync(out.fileno())
            Path(temp).replace(path)
        except BaseException:
            Path(temp).unlink(missing_ok=True)
            raise
        fsync_folder(path.parent)


def append(path: Path, text: str) -> None:
    """Add ``text`` to the end of a log and make it durable; nothing to add leaves the file alone.

    Raises:
        StorageError: the disk is full, read-only or not permitted.
    """
    if not text:
        return
    with storage_errors(path), path.open("a", encoding="utf-8") as log:
        log.write(text)
        log.flush()
        os.fsync(log.fileno())
