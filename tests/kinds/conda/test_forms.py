"""An environment's channel says the same in all forms of its index, or is not shown: clients read which they like."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zstandard
from simulator.conda_forge import some_packages

from cudepot.digest import Digest
from cudepot.kinds.conda.forms import form_faults
from cudepot.kinds.conda.mirrored import Mirrored
from cudepot.kinds.conda.publish import conda_tree
from cudepot.store.local import LocalStore

FOLDER = "environments/dl/conda/"
PLAIN, ZST = f"{FOLDER}linux-64/repodata.json", f"{FOLDER}linux-64/repodata.json.zst"
SHARDS = f"{FOLDER}linux-64/repodata_shards.msgpack.zst"
Tree = dict[str, Digest]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", create=True)


@pytest.fixture
def tree(store: LocalStore) -> Tree:
    mirrored = [
        Mirrored("linux-64", filename, Digest(record["sha256"], record["size"]), record, exports)
        for filename, record, exports in some_packages(30)
    ]
    return conda_tree(store, FOLDER, [], [], mirrored=mirrored)


def packed(value: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(value)


def unpacked(store: LocalStore, digest: Digest) -> bytes:
    return zstandard.ZstdDecompressor().decompress(store.read(digest))


def lose_zst(_: LocalStore, tree: Tree) -> None:
    del tree[ZST]


def patch_zst(store: LocalStore, tree: Tree) -> None:
    document = json.loads(unpacked(store, tree[ZST]))
    document["packages.conda"].popitem()
    tree[ZST] = store.add_bytes(packed(json.dumps(document).encode()))


def damage_zst(store: LocalStore, tree: Tree) -> None:
    tree[ZST] = store.add_bytes(store.read(tree[ZST])[:-40])


def shard_of(tree: Tree) -> str:
    return next(path for path in tree if path.endswith(".msgpack.zst") and path != SHARDS and "/linux-64/" in path)


def lose_shard(_: LocalStore, tree: Tree) -> None:
    del tree[shard_of(tree)]


def exchange_shard(store: LocalStore, tree: Tree) -> None:
    tree[shard_of(tree)] = store.add_bytes(packed(msgpack.packb({"packages": {}, "packages.conda": {}})))


def leave_out_of_shards(store: LocalStore, tree: Tree) -> None:
    index: dict[str, Any] = msgpack.unpackb(unpacked(store, tree[SHARDS]))
    index["shards"].popitem()
    tree[SHARDS] = store.add_bytes(packed(msgpack.packb(index)))


def test_what_publish_writes_agrees(store: LocalStore, tree: Tree) -> None:
    assert [*form_faults(store, tree, PLAIN)] == []


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lose_zst, f"{ZST} is missing"),
        (patch_zst, f"{ZST} does not match {PLAIN}"),
        (damage_zst, f"{ZST}: "),
        (lose_shard, " is missing"),
        (exchange_shard, "has sha256 "),
        (leave_out_of_shards, f"{SHARDS} does not match {PLAIN}"),
    ],
)
def test_a_form_that_differs_is_named(
    store: LocalStore, tree: Tree, harm: Callable[[LocalStore, Tree], None], told: str
) -> None:
    harm(store, tree)
    (found,) = form_faults(store, tree, PLAIN)
    assert told in found
