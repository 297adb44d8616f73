"""Proves a conda channel: every package it shows can be installed from it alone, on some machine of its platform.

What was shown of a channel's indexes is remembered in ``conda-proof.json`` of the store: an unchanged channel is not
solved again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from cudepot.builders.channel_proof import ChannelProof, prove_channel
from cudepot.catalog.lock import Lock
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.checked import sealed, unsealed
from cudepot.digest import Digest
from cudepot.disk import write_atomic
from cudepot.errors import CudepotError, StorageError
from cudepot.workflows.depot import Depot

_METHOD = 1
"""Raised whenever the proof asks for more or less than it did."""
_INDEX = "/repodata.json"


def unsolvable(depot: Depot, lock: Lock, name: str, files: Mapping[str, Digest]) -> list[Unsolvable]:
    """Return the packages of a channel that cannot be installed; where it is open, another one may provide names.

    Args:
        depot: the depot; its store holds the indexes.
        lock: what the channel was made of; not looked at, because the packages say all it takes.
        name: ``conda/NAME``.
        files: paths below the channel's folder → content.
    """
    del lock
    rows = _proof(depot, files).unsolvable
    return [Unsolvable(name, f"{package} ({platform})", f"needs {spec}", why) for platform, package, spec, why in rows]


def foreign(depot: Depot, tree: Mapping[str, Digest]) -> tuple[str, ...]:
    """Return a line that says which packages another channel has to provide for the channel in a tree."""
    channel = f"conda/{depot.config.site.channel}"
    files = {path.removeprefix(f"{channel}/"): one for path, one in tree.items() if path.startswith(f"{channel}/")}
    names = _proof(depot, files).foreign if files else ()
    return (f"{channel}: another channel (conda-forge) has to provide {', '.join(names)}",) if names else ()


def was_solvable(depot: Depot) -> bool:
    """Return whether all of the channel that `publish` looked at last can be installed; False where none was."""
    try:
        found = unsealed(_path(depot).read_bytes(), str(_path(depot)))
        return bool(found["unsolvable"] == [])
    except (OSError, KeyError, CudepotError):
        return False


def _proof(depot: Depot, files: Mapping[str, Digest]) -> ChannelProof:
    indexes = {path.removesuffix(_INDEX): digest for path, digest in files.items() if path.endswith(_INDEX)}
    closed = depot.config.build.closed_channel
    key = _key(indexes, closed=closed)
    known = _known(_path(depot), key)
    if known is None:
        known = prove_channel({one: depot.store.path(digest) for one, digest in indexes.items()}, closed=closed)
        document = {"channel": key, "unsolvable": [list(row) for row in known.unsolvable], "foreign": known.foreign}
        with contextlib.suppress(StorageError):  # a store that cannot be written: the next run solves again
            write_atomic(_path(depot), json.dumps(sealed(document), indent=1, sort_keys=True).encode() + b"\n")
    return known


def _path(depot: Depot) -> Path:
    return depot.store.root / "conda-proof.json"


def _key(indexes: Mapping[str, Digest], *, closed: bool) -> str:
    what = [_METHOD, closed, sorted((subdir, digest.sha256) for subdir, digest in indexes.items())]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def _known(path: Path, key: str) -> ChannelProof | None:
    """Return what was shown of these very indexes before; None when that is not known."""
    try:
        found = unsealed(path.read_bytes(), str(path))
        rows = tuple((str(a), str(b), str(c), str(d)) for a, b, c, d in found["unsolvable"])
        return ChannelProof(rows, tuple(map(str, found["foreign"]))) if found["channel"] == key else None
    except (OSError, ValueError, KeyError, TypeError, CudepotError):
        return None
