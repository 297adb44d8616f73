"""Whether all forms of an index say the same: clients read the one they like best and have to find what is proved."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from cudepot.catalog.site.snapshot import Tree
from cudepot.errors import FormatError, TrustError
from cudepot.formats.compression import decompressed
from cudepot.formats.conda_repodata import Record, records_of
from cudepot.formats.conda_shards import INDEX, read_index, read_shard
from cudepot.formats.conda_subdir import Subdir
from cudepot.store.local import LocalStore

_MOST = 1 << 30


def form_faults(store: LocalStore, tree: Tree, path: str) -> Iterator[str]:
    """Give a line for each form of an index that says something else than the ``repodata.json`` at ``path``.

    Raises:
        FormatError: the ``repodata.json`` is damaged.
        StorageError: it is not in the store.
    """
    plain, folder = store.read(tree[path]), posixpath.dirname(path)
    for other, read in ((f"{path}.zst", _unpacked), (f"{folder}/{INDEX}", _from_shards)):
        if other not in tree:
            yield f"{other} is missing"
            continue
        try:
            same = read(store, tree, other) == _bare(records_of(plain, path))
        except (FormatError, TrustError) as error:
            yield str(error)
        else:
            if not same:
                yield f"{other} does not match {path}"


def _bare(records: Mapping[str, Record]) -> dict[str, Any]:
    """Return records without ``run_exports``, which only shards have."""
    return {name: {key: value for key, value in one.items() if key != "run_exports"} for name, one in records.items()}


def _unpacked(store: LocalStore, tree: Tree, path: str) -> dict[str, Any]:
    data = decompressed(io.BytesIO(store.read(tree[path])), path, limit=_MOST, kind="zstd").read()
    return _bare(records_of(data, path))


def _from_shards(store: LocalStore, tree: Tree, path: str) -> dict[str, Any]:
    """Return what the shards say that an index names; raise FormatError where one is missing."""
    folder = posixpath.dirname(path)
    index = read_index(store.read(tree[path]), posixpath.basename(folder), path)
    found = Subdir(index.head.subdir)
    for name in index.hashes:
        place = posixpath.normpath(f"{folder}/{index.shard(name)}")
        if place not in tree:
            raise FormatError(f"{path}: the shard of {name} is missing")
        read_shard(store.read(tree[place]), index, name, found, place)
    if found.odd:
        raise FormatError(found.odd[0])
    return _bare({one.filename: one.record for one in found.packages})
