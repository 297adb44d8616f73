"""Harm done to files of a project (flipped bits, cuts), and what must hold of it whatever was done."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

from cudepot.formats.bundle_tar import members

_KEPT = (
    "objects", "snapshots", "builds", "upstreams", "exported", "imported", "incoming", "FORMAT", "roots.log",
    "published.log", "rollback.json",
)  # fmt: skip
_NOT_STATE = {"lock", "cudepot.log", "id"}
"""Files of a store that say nothing: a flipped bit in them changes nothing."""


def shown_whole(project: Path) -> int:
    """Return the number of the snapshot shown; raise AssertionError unless every file of it is right."""
    current = project / "site/current"
    if not current.is_symlink():
        return 0
    document = json.loads((current / "snapshot.json").read_bytes())
    for path, digest in document["tree"].items():
        data = (current / path).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (digest["sha256"], digest["size"]), f"wrong: {path}"
    store = project / f"store/snapshots/{document['number']:06d}.json"
    assert store.read_bytes() == (current / "snapshot.json").read_bytes(), "shown, but not the store's"
    return int(document["number"])


def objects_right(project: Path) -> None:
    """Raise AssertionError unless every visible object is what its name says."""
    for file in (project / "store/objects").glob("*/*"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name, f"object {file.name}"


def state_files(project: Path) -> Iterator[Path]:
    """Give the files of store and site that say something, in order."""
    for top in (*(project / "store" / name for name in _KEPT), *(project / "site/current/.").resolve().glob("*")):
        files = sorted(top.rglob("*")) if top.is_dir() else [top]
        yield from (one for one in files if one.is_file() and one.stat().st_size and one.name not in _NOT_STATE)


def touches_only_held(project: Path, good: Path, bad: Path) -> bool:
    """Return whether a volume was harmed only in an object that the project has: ``import`` takes nothing of it."""
    before, after = good.read_bytes(), bad.read_bytes()
    if len(before) != len(after):
        return False
    with good.open("rb") as handle:
        for one in members(handle, str(good)):
            place = slice(one.offset, one.offset + one.size)
            if before[place] != after[place]:
                return (project / "store/objects" / one.sha256[:2] / one.sha256).is_file() if one.sha256 else False
    return False


def flip(file: Path, spread: random.Random) -> str:
    """Flip one bit in place, as a dying disk does."""
    data = bytearray(file.read_bytes())
    data[spread.randrange(len(data))] ^= 1 << spread.randrange(8)
    _overwrite(file, bytes(data))
    return "flipped"


def cut(file: Path, spread: random.Random) -> str:
    """Cut a file short in place."""
    data = file.read_bytes()
    _overwrite(file, data[: spread.randrange(len(data))])
    return "cut"


def _overwrite(file: Path, data: bytes) -> None:
    times = file.stat()
    file.chmod(0o644)
    with file.open("r+b") as out:
        out.write(data)
        out.truncate()
    file.chmod(times.st_mode & 0o777)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
