"""Targets for what conda channels serve: indexes as JSON documents of any length, shards and the index of shards."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import zstandard
from tests.fuzz.parts import each

from cudepot.digest import hexdigest
from cudepot.formats.conda_shards import ShardIndex, read_index, read_shard
from cudepot.formats.conda_subdir import Subdir, read_needs, read_repodata, read_run_exports
from cudepot.formats.json_stream import JsonStream, value_of

_SUBDIR, _NAME, _FILE = "linux-64", "zlib", "zlib-1.3-h1_0.conda"


def _documents(data: bytes) -> None:
    """repodata.json and run_exports.json: what is read keeps to what was asked for."""

    def repodata() -> None:
        found = read_repodata(io.BytesIO(data), _SUBDIR, {_NAME}, "repodata.json")
        assert all(one.name == _NAME for one in found.packages)

    each(
        repodata,
        lambda: read_needs(io.BytesIO(data), "repodata.json"),
        lambda: list(read_run_exports(io.BytesIO(data), {_FILE}, "run_exports.json")),
    )


def _members(data: bytes) -> None:
    """Members that are given as text are those that json reads, wherever the pieces of the document end."""
    for step in (1, 7, 1 << 20):
        stream = JsonStream(_Drops(data, step), "document")
        found = {key: value_of(text, "document") for key, text in stream.texts()}
        stream.end()
        assert found == json.loads(data.decode())


class _Drops(io.BytesIO):
    """A stream that never gives more than a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self._step = step

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._step if size is None or size < 0 else min(size, self._step))


def _shards(data: bytes) -> None:
    """A shard, and an index of shards, as they lie there and unpacked; the shard hashes to what its index says."""
    packed = zstandard.ZstdCompressor(level=1).compress(data)
    index = ShardIndex(Subdir(_SUBDIR), "", {_NAME: hexdigest(data), "packed": hexdigest(packed)})

    def shard(one: bytes, name: str) -> None:
        found = Subdir(_SUBDIR)
        read_shard(one, index, name, found, "shard")
        assert all(each.name == name for each in found.packages)

    def head(one: bytes) -> None:
        found = read_index(one, _SUBDIR, "index")
        assert all(len(sha256) == 64 and name == name.lower() for name, sha256 in found.hashes.items())

    each(
        *(lambda one=one: head(one) for one in (data, packed)),
        lambda: shard(data, _NAME),
        lambda: shard(packed, "packed"),
    )


CONDA: dict[str, Callable[[bytes], None]] = {
    "channel": _documents,
    "channel_members": _members,
    "channel_shards": _shards,
}
