"""The ``conda/`` part of a site: a channel of the packages built here, its index written from their metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cudepot.catalog.snapshot import Snapshot
from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.workflows.depot import Depot

GENERATIONS = 3
"""Generations of shards reachable by hash, the current one included."""
_SHARD_INDEX = "/repodata_shards.msgpack.zst"
_NEWEST_FORM = ("channeldata.json", "notices.json")


def conda_tree(
    depot: Depot, packages: Sequence[tuple[str, str, Digest]], earlier: Sequence[Snapshot]
) -> dict[str, Digest]:
    """Return the path → content list of the channel over packages given as (subdir, file name, digest)."""
    if not packages:
        return {}
    prefix = f"conda/{depot.config.site.channel}/"
    files = _files(packages)
    channels = [_below(prefix, one.tree) for one in earlier]
    before = channels[0] if channels else {}
    if not _still_good(depot, files, before):
        before = files | _shards(depot, channels) | _index(depot, packages)
    return {prefix + path: digest for path, digest in before.items()}


def _below(prefix: str, tree: Mapping[str, Digest]) -> dict[str, Digest]:
    return {path.removeprefix(prefix): one for path, one in tree.items() if path.startswith(prefix)}


def _still_good(depot: Depot, files: Mapping[str, Digest], before: Mapping[str, Digest]) -> bool:
    """Tell whether the channel shown last has these packages, and its whole index is in the store."""
    same = files == {path: one for path, one in before.items() if path.endswith(".conda")}
    return same and all(one in before for one in _NEWEST_FORM) and all(depot.store.has(one) for one in before.values())


def _shards(depot: Depot, channels: Sequence[Mapping[str, Digest]]) -> dict[str, Digest]:
    """Return the shards that the last distinct indexes name: a client that has read one of these can finish."""
    from cudepot.formats.conda_index import shards_named  # noqa: PLC0415

    kept: dict[str, Digest] = {}
    seen: list[dict[str, Digest]] = []
    for channel in channels:
        indexes = {path: one for path, one in channel.items() if path.endswith(_SHARD_INDEX)}
        if indexes in seen or len(seen) == GENERATIONS - 1 or not all(map(depot.store.has, indexes.values())):
            continue
        seen.append(indexes)
        for path, digest in indexes.items():
            with depot.store.open(digest) as handle:
                named = shards_named(handle.read(), path)
            folder = path.removesuffix(_SHARD_INDEX)
            kept |= {name: channel[name] for one in named if (name := f"{folder}/{one}") in channel}
    return {path: one for path, one in kept.items() if depot.store.has(one)}


def _files(packages: Sequence[tuple[str, str, Digest]]) -> dict[str, Digest]:
    files: dict[str, Digest] = {}
    for subdir, filename, digest in packages:
        if files.setdefault(f"{subdir}/{filename}", digest) != digest:
            raise FormatError(
                f"two artifacts of one release make different packages called {subdir}/{filename}",
                hint="let only one of their pins make conda packages",
            )
    return files


def _index(depot: Depot, packages: Sequence[tuple[str, str, Digest]]) -> dict[str, Digest]:
    # msgpack and zstandard are loaded only when an index has to be written.
    from cudepot.formats.conda_index import channel_files, read_package  # noqa: PLC0415

    found = []
    for subdir, filename, digest in dict.fromkeys(packages):
        with depot.store.open(digest) as handle:
            found.append(read_package(handle, subdir, filename, digest))
    return {path: depot.store.add_bytes(data) for path, data in channel_files(found).items()}
