"""Keeps what compilers and packers made for whoever asks for the same again; test workers share it by a folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

FOLDER = "CUDEPOT_TESTS_BUILT"
"""Environment variable that names the shared folder; without it each process keeps its own."""
_KEPT: dict[str, bytes] = {}


def kept(what: str, make: Callable[[], bytes]) -> bytes:
    """Return what ``make`` makes, or made before for the same ``what``: all that the bytes depend on."""
    key = hashlib.sha256(what.encode()).hexdigest()
    if key not in _KEPT:
        shared = os.environ.get(FOLDER)
        _KEPT[key] = _of_all(Path(shared) / key, make) if shared else make()
    return _KEPT[key]


def _of_all(file: Path, make: Callable[[], bytes]) -> bytes:
    if file.exists():
        return file.read_bytes()
    data = make()
    handle, name = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
    Path(name).replace(file)
    return data
