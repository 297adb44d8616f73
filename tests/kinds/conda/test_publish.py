"""The channel of a site over several publications: unchanged, grown, and with clients that read an older index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zstandard
from tests.clients import conda_env

from cudepot.catalog.site.snapshot import Snapshot
from cudepot.digest import Digest, hexdigest
from cudepot.errors import FormatError
from cudepot.kinds.conda import publish as publish_conda
from cudepot.kinds.conda.publish import conda_tree
from cudepot.store.local import LocalStore

Packages = list[tuple[str, str, Digest]]


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return conda_env.standin_channel(tmp_path_factory.mktemp("forge") / "c")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", create=True, durable=False)


def packages(store: LocalStore, forge: Path, *globs: str) -> Packages:
    files = [file for glob in globs for file in sorted(forge.glob(glob))]
    return [(file.parent.name, file.name, store.add_bytes(file.read_bytes())) for file in files]


def published(store: LocalStore, what: Packages, earlier: list[Snapshot]) -> list[Snapshot]:
    tree = conda_tree(store, "conda/main/", what, earlier)
    return [Snapshot(len(earlier) + 1, "", "", "", Digest.of(b""), (), tree), *earlier]


def shards(tree: Any) -> set[str]:
    return {path for path in tree if "/shards/" in path}


def named(store: LocalStore, tree: Any) -> set[str]:
    with store.open(tree["conda/main/linux-64/repodata_shards.msgpack.zst"]) as handle:
        index = msgpack.unpackb(zstandard.ZstdDecompressor().decompressobj().decompress(handle.read()))
    return {f"conda/main/linux-64/shards/{one.hex()}.msgpack.zst" for one in index["shards"].values()}


def test_a_client_that_read_an_older_index_finds_its_shards(store: LocalStore, forge: Path) -> None:
    history: list[Snapshot] = []
    for globs in (["*/libcublas-11*"], ["*/libcublas-1[12]*"], ["*/libcublas-*"], ["*/libcublas-*", "*/zlib-*"]):
        history = published(store, packages(store, forge, *globs), history)
    first, second, third, fourth = reversed([one.tree for one in history])
    assert named(store, fourth) | named(store, third) | named(store, second) <= shards(fourth)
    assert not shards(fourth) & named(store, first), "three generations are enough"


def test_nothing_new_changes_nothing(store: LocalStore, forge: Path) -> None:
    what = packages(store, forge, "*/libcublas-*")
    history = published(store, what, published(store, packages(store, forge, "*/zlib-*"), []))
    assert conda_tree(store, "conda/main/", what, history) == history[0].tree


def test_a_channel_of_an_older_cudepot_is_indexed_anew(store: LocalStore, forge: Path) -> None:
    what = packages(store, forge, "*/zlib-*")
    (made,) = published(store, what, [])
    old = {path: one for path, one in made.tree.items() if "channeldata" not in path}
    again = conda_tree(store, "conda/main/", what, [Snapshot(1, "", "", "", Digest.of(b""), (), old)])
    assert again == made.tree


def sums(store: LocalStore, tree: Any, name: str = "repodata.json") -> dict[str, str]:
    """File name → MD5 as an index tells it."""
    with store.open(tree[f"conda/main/linux-64/{name}"]) as handle:
        data = handle.read()
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(data) if name.endswith(".zst") else data
    return {file: one.get("md5", "") for file, one in json.loads(plain)["packages.conda"].items()}


def expected(what: Packages, store: LocalStore) -> dict[str, str]:
    return {
        name: hexdigest(store.path(digest).read_bytes(), "md5") for subdir, name, digest in what if subdir == "linux-64"
    }


def test_every_index_tells_md5(store: LocalStore, forge: Path) -> None:
    what = packages(store, forge, "*/libcublas-*", "*/zlib-*")
    tree = conda_tree(store, "conda/main/", what, [])
    for name in ("repodata.json", "repodata.json.zst", "current_repodata.json", "current_repodata.json.zst"):
        assert sums(store, tree, name) == expected(what, store)
    told: dict[str, str] = {}
    for path in shards(tree):
        with store.open(tree[path]) as handle:
            shard = msgpack.unpackb(zstandard.ZstdDecompressor().decompressobj().decompress(handle.read()))
        told |= {name: one["md5"].hex() for name, one in shard["packages.conda"].items()}
    assert told == expected(what, store)


def test_md5_is_computed_once(store: LocalStore, forge: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what was built or shown before it is known: only the new package is hashed."""
    old = packages(store, forge, "*/libcublas-*")
    history = published(store, old, [])
    new, built = packages(store, forge, "*/zlib-*"), packages(store, forge, "*/libzlib-1*")
    hashed = []
    monkeypatch.setattr(publish_conda, "_md5", lambda stream: hashed.append(stream) or "0" * 32)
    given = {digest.sha256: "1" * 32 for _, _, digest in built}
    tree = conda_tree(store, "conda/main/", [*old, *new, *built], history, given)
    assert len(hashed) == len(new) == 1
    told = sums(store, tree)
    assert told == expected(old, store) | {new[0][1]: "0" * 32, built[0][1]: "1" * 32}


@pytest.mark.parametrize("harm", ["without md5", "damaged"])
def test_a_channel_shown_without_md5_is_indexed_anew(store: LocalStore, forge: Path, harm: str) -> None:
    what = packages(store, forge, "*/zlib-*")
    (made,) = published(store, what, [])
    path = "conda/main/linux-64/repodata.json"
    with store.open(made.tree[path]) as handle:
        document = json.loads(handle.read())
    for record in document["packages.conda"].values():
        del record["md5"]
    data = json.dumps(document).encode() if harm == "without md5" else b"[]"
    old = {**made.tree, path: store.add_bytes(data)}
    assert conda_tree(store, "conda/main/", what, [Snapshot(1, "", "", "", Digest.of(b""), (), old)]) == made.tree


def test_two_packages_of_one_name_are_refused(store: LocalStore, forge: Path) -> None:
    (one,) = packages(store, forge, "*/zlib-*")
    other = (*one[:2], store.add_bytes(b"other"))
    with pytest.raises(FormatError, match="different packages"):
        conda_tree(store, "conda/main/", [one, other], [])
