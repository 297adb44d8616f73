"""The ``conda/`` part of a site: channels of what was built here and of what was mirrored, and their indexes.

The index says of built packages what they say themselves, and of mirrored ones what their channel says of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from cudepot.catalog.ecosystems import CONDA
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.digest import Digest, hasher
from cudepot.errors import FormatError
from cudepot.formats.conda_repodata import Record, entries_of, md5_sums, records_of, removed_in, revised
from cudepot.kinds.conda.mirrored import Mirrored
from cudepot.kinds.repository import GENERATIONS
from cudepot.store.local import LocalStore

_SHARD_INDEX = "/repodata_shards.msgpack.zst"
_REPODATA = "/repodata.json"
_SIDECAR = ".sigs."
"""Between the name of a package and the hash of what vouches for it."""
_NEWEST_FORM = ("channeldata.json", "notices.json")


def conda_tree(
    store: LocalStore,
    folder: str,
    packages: Sequence[tuple[str, str, Digest]],
    earlier: Sequence[Snapshot],
    md5: Mapping[str, str] | None = None,
    mirrored: Sequence[Mirrored] = (),
    removed: Sequence[str] = (),
) -> dict[str, Digest]:
    """Return the path → content list of a channel.

    Args:
        store: the store.
        folder: of the site, ending in a slash; its packages are in it, as all clients expect.
        packages: built here, as (subdir, file name, digest).
        earlier: snapshots before this one, the newest first.
        md5: of built packages by sha256, as far as it is known; others are taken from the channel shown last, or
            computed.
        mirrored: packages of other channels.
        removed: ``SUBDIR/FILE`` of what the channel has taken out.

    Raises:
        FormatError: two packages have one name.
    """
    if not packages and not mirrored:
        return {}
    files = _files([*packages, *((one.subdir, one.filename, one.digest) for one in mirrored)])
    channels = [_below(folder, one.tree) for one in earlier]
    before = channels[0] if channels else {}
    if not _still_good(store, files, before, mirrored) or not _removed_the_same(store, before, removed):
        known = {**_told_before(store, before), **(md5 or {})}
        beside = {path: one for each in mirrored for path, one in each.beside.items()}
        kept = _replaced_sidecars(store, files, before)
        before = files | kept | beside | _shards(store, channels) | _index(store, packages, known, mirrored, removed)
    return {folder + path: digest for path, digest in before.items()}


def _below(prefix: str, tree: Mapping[str, Digest]) -> dict[str, Digest]:
    return {path.removeprefix(prefix): one for path, one in tree.items() if path.startswith(prefix)}


def _still_good(
    store: LocalStore, files: Mapping[str, Digest], before: Mapping[str, Digest], mirrored: Sequence[Mirrored]
) -> bool:
    """Return whether the channel shown last has these packages and records, and its whole index is in the store."""
    same = files == {path: one for path, one in before.items() if path.endswith((*CONDA.suffixes, *CONDA.inside))}
    there = same and all(one in before for one in _NEWEST_FORM) and all(map(store.has, before.values()))
    beside = [item for each in mirrored for item in each.beside.items()]
    if not there or any(before.get(path) != one for path, one in beside) or not _says_the_same(store, before, mirrored):
        return False
    nameless = {one.digest.sha256 for one in mirrored if not one.record.get("md5")}
    return {one.sha256 for one in files.values()} - nameless == set(_told_before(store, before))


def _removed_the_same(store: LocalStore, channel: Mapping[str, Digest], removed: Sequence[str]) -> bool:
    """Return whether the indexes of a channel name just these as taken out."""
    indexes = {path: one for path, one in channel.items() if path.endswith(_REPODATA)}
    told = {
        f"{path.removesuffix(_REPODATA)}/{each}"
        for path, one in indexes.items()
        for each in removed_in(store.read(one))
    }
    return told == set(removed)


def _says_the_same(store: LocalStore, channel: Mapping[str, Digest], mirrored: Sequence[Mirrored]) -> bool:
    """Return whether the indexes of a channel say of mirrored packages what is to be said of them now."""
    told: dict[str, tuple[Record, Record, bool]] = {}
    for subdir in {one.subdir for one in mirrored}:
        try:
            index = store.read(channel[f"{subdir}{_REPODATA}"])
            records, newer = records_of(index, subdir), revised(index)
            exports = entries_of(store.read(channel[f"{subdir}/run_exports.json"]), subdir)
        except (FormatError, KeyError):
            return False
        told |= {
            f"{subdir}/{name}": (one, exports.get(name, {}).get("run_exports", {}), name in newer)
            for name, one in records.items()
        }
    return all(told.get(one.path) == (one.shown, one.run_exports, bool(one.revision)) for one in mirrored)


def _told_before(store: LocalStore, channel: Mapping[str, Digest]) -> dict[str, str]:
    """Return sha256 → MD5 as the indexes of a channel tell them; a damaged one tells nothing."""
    found: dict[str, str] = {}
    for path, digest in channel.items():
        if path.endswith(_REPODATA) and store.has(digest):
            with store.open(digest) as handle, contextlib.suppress(FormatError):
                found |= md5_sums(records_of(handle.read(), path))
    return found


def _shards(store: LocalStore, channels: Sequence[Mapping[str, Digest]]) -> dict[str, Digest]:
    """Return the shards that the last distinct indexes name: a client that has read one of these can finish."""
    from cudepot.formats.conda_index import shards_named  # noqa: PLC0415

    kept: dict[str, Digest] = {}
    seen: list[dict[str, Digest]] = []
    for channel in channels:
        indexes = {path: one for path, one in channel.items() if path.endswith(_SHARD_INDEX)}
        if indexes in seen or len(seen) == GENERATIONS - 1 or not all(map(store.has, indexes.values())):
            continue
        seen.append(indexes)
        for path, digest in indexes.items():
            named = shards_named(store.read(digest), path)
            folder = path.removesuffix(_SHARD_INDEX)
            kept |= {name: channel[name] for one in named if (name := f"{folder}/{one}") in channel}
    return {path: one for path, one in kept.items() if store.has(one)}


def _replaced_sidecars(
    store: LocalStore, files: Mapping[str, Digest], before: Mapping[str, Digest]
) -> dict[str, Digest]:
    """Return attestations that were replaced by newer ones: they stay as long as their package does (CEP 50)."""
    found = {path: path.rpartition(_SIDECAR)[0] for path in before if _SIDECAR in path}
    return {
        path: before[path]
        for path, package in found.items()
        if package in files and files[package] == before.get(package) and store.has(before[path])
    }


def _files(packages: Sequence[tuple[str, str, Digest]]) -> dict[str, Digest]:
    files: dict[str, Digest] = {}
    for subdir, filename, digest in packages:
        if files.setdefault(f"{subdir}/{filename}", digest) != digest:
            raise FormatError(
                f"two artifacts yield different packages called {subdir}/{filename}",
                hint="let only one of their pins build or mirror conda packages",
            )
    return files


def _index(
    store: LocalStore,
    packages: Sequence[tuple[str, str, Digest]],
    known: Mapping[str, str],
    mirrored: Sequence[Mirrored],
    removed: Sequence[str],
) -> dict[str, Digest]:
    # msgpack and zstandard are loaded only when an index has to be written.
    from cudepot.formats.conda_index import channel_files, described, read_package  # noqa: PLC0415

    those = {one.path: one for one in mirrored}
    found = [
        described(one.subdir, one.filename, one.digest, one.record, one.run_exports, one.revision)
        for one in those.values()
    ]
    for subdir, filename, digest in dict.fromkeys(packages):
        if f"{subdir}/{filename}" in those:  # the very same package: what its channel says goes
            continue
        with store.open(digest) as handle:
            md5 = known.get(digest.sha256) or _md5(handle)
            found.append(read_package(handle, subdir, filename, digest, md5))
    return {path: store.add_bytes(data) for path, data in channel_files(found, removed).items()}


def _md5(stream: BinaryIO) -> str:
    one = hasher("md5")
    Digest.of_stream(stream, one)
    return one.hexdigest()
