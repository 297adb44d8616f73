"""The channel index we write says what py-rattler's own indexer says, and py-rattler reads every form of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zstandard
from tests.clients import conda_env

from cudepot.digest import Digest, hexdigest
from cudepot.errors import FormatError
from cudepot.formats.conda_index import IndexedPackage, channel_files, described, read_package

pytestmark = pytest.mark.tools

_REFERENCE = """
import asyncio, os, sys
from rattler.index import index_fs
asyncio.run(index_fs(sys.argv[1], write_zst=True, write_shards=True, force=True, max_parallel=1))
os._exit(0)
"""


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel as py-rattler assembles and indexes it."""
    folder = conda_env.standin_channel(tmp_path_factory.mktemp("forge") / "c")
    subprocess.run([sys.executable, "-c", _REFERENCE, str(folder)], check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def packages(channel: Path) -> list[IndexedPackage]:
    return [package(file) for file in sorted(channel.glob("*/*.conda"))]


def package(file: Path) -> IndexedPackage:
    with file.open("rb") as handle:
        data = file.read_bytes()
        return read_package(handle, file.parent.name, file.name, Digest.of(data), hexdigest(data, "md5"))


def unpacked(data: bytes) -> Any:
    return msgpack.unpackb(zstandard.ZstdDecompressor().decompressobj().decompress(data))


def reduced(record: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only the reference writes: when it indexed, and ``==`` before a bare version."""
    record = {**record, "constrains": [one.replace(" ==", " ") for one in record.get("constrains", ())]}
    left_out = ("indexed_timestamp", "run_exports")
    found = {key: value for key, value in record.items() if key not in left_out and value not in ([], {}, None)}
    assert {"md5", "sha256"} <= found.keys()
    return found


def test_repodata_is_the_reference_indexers(channel: Path, packages: list[IndexedPackage]) -> None:
    files = channel_files(packages)
    for subdir in ("linux-64", "noarch"):
        ours, theirs = (
            json.loads(files[f"{subdir}/repodata.json"]),
            json.loads((channel / subdir / "repodata.json").read_text()),
        )
        assert ours["info"] == theirs["info"]
        assert {n: reduced(r) for n, r in ours["packages.conda"].items()} == {
            n: reduced(r) for n, r in theirs["packages.conda"].items()
        }


def test_shards_are_the_reference_indexers(channel: Path, packages: list[IndexedPackage]) -> None:
    files = channel_files(packages)
    ours = unpacked(files["linux-64/repodata_shards.msgpack.zst"])
    theirs = unpacked((channel / "linux-64/repodata_shards.msgpack.zst").read_bytes())
    assert {**ours["info"], "created_at": ""} == {**theirs["info"], "created_at": ""}
    assert ours["shards"].keys() == theirs["shards"].keys()
    for name in theirs["shards"]:
        mine = unpacked(files[f"linux-64/shards/{ours['shards'][name].hex()}.msgpack.zst"])
        other = unpacked((channel / f"linux-64/shards/{theirs['shards'][name].hex()}.msgpack.zst").read_bytes())
        assert mine.keys() == other.keys()
        assert {n: reduced(r) for n, r in mine["packages.conda"].items()} == {
            n: reduced(r) for n, r in other["packages.conda"].items()
        }


def test_equal_packages_give_equal_bytes(packages: list[IndexedPackage]) -> None:
    assert channel_files(packages) == channel_files(list(reversed(packages)))


def test_compressed_forms_hold_the_plain_ones(packages: list[IndexedPackage]) -> None:
    files = channel_files(packages)
    for path in [one for one in files if one + ".zst" in files]:
        data = zstandard.ZstdDecompressor().decompressobj().decompress(files[path + ".zst"])
        assert data == files[path]
    assert {path.rpartition("/")[2] for path in files if "/shards/" not in path} == {
        "repodata.json", "repodata.json.zst", "current_repodata.json", "current_repodata.json.zst", "run_exports.json",
        "run_exports.json.zst", "repodata_shards.msgpack.zst", "channeldata.json", "notices.json",
    }  # fmt: skip


def test_run_exports_reach_every_form() -> None:
    index = {
        "name": "cudnn",
        "version": "9.1.0",
        "build": "h_0",
        "build_number": 0,
        "subdir": "linux-64",
        "timestamp": 2000,
    }
    exports = {"weak": ["cudnn >=9.1,<10"]}
    one = IndexedPackage("linux-64", "cudnn-9.1.0-h_0.conda", Digest.of(b""), index, exports, {"summary": "cuDNN"})
    old = IndexedPackage("linux-64", "cudnn-9.0.0-h_0.conda", Digest.of(b""), {**index, "version": "9.0.0"})
    files = channel_files([one, old])
    told = json.loads(files["linux-64/run_exports.json"])["packages.conda"]
    assert told == {one.filename: {"run_exports": exports}, old.filename: {"run_exports": {}}}
    (shard,) = [unpacked(data) for path, data in files.items() if "/shards/" in path]
    assert shard["packages.conda"][one.filename]["run_exports"] == exports
    row = json.loads(files["channeldata.json"])["packages"]["cudnn"]
    assert (row["version"], row["summary"], row["run_exports"]) == ("9.1.0", "cuDNN", {"9.1.0": exports})
    assert row["reference_package"] == "linux-64/cudnn-9.1.0-h_0.conda"


class Asked(dict[str, Any]):
    """An index.json that counts how often its keys are asked for."""

    times = 0

    def __getitem__(self, key: str) -> Any:
        Asked.times += 1
        return super().__getitem__(key)


def test_the_index_of_many_names_looks_at_each_package_a_few_times() -> None:
    asked = []
    for many in (20, 200):
        Asked.times = 0
        indexes = [Asked(name=f"p{n}", version="1", build="0", subdir="noarch") for n in range(many)]
        channel_files([IndexedPackage("noarch", f"{one['name']}-1-0.conda", Digest.of(b""), one) for one in indexes])
        asked.append(Asked.times / many)
    assert asked[0] == asked[1]


def test_rattler_reads_all_of_it(packages: list[IndexedPackage], channel: Path, tmp_path: Path) -> None:
    """The solver takes shards from an HTTP channel where there are some, and repodata.json else."""
    from tests.clients import http

    for path, data in channel_files(packages).items():
        (tmp_path / "c" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "c" / path).write_bytes(data)
    for one in packages:
        os.link(channel / one.subdir / one.filename, tmp_path / "c" / one.subdir / one.filename)
    with http.serve(tmp_path) as server:
        found = conda_env.create([f"{server.url}/c"], ["libcublas=12.9", "cuda-version"], tmp_path / "env", cuda="13.0")
        assert found["libcublas"].sha256 in {one.digest.sha256 for one in packages}
        assert server.seen("*/repodata_shards.msgpack.zst", status=200)
        assert server.seen("*/shards/*.msgpack.zst", status=200)
        server.forget()
        for form in ("repodata_shards.msgpack.zst", "repodata.json.zst"):
            for file in (tmp_path / "c").rglob(form):
                file.unlink()
            found = conda_env.solve([f"{server.url}/c"], ["libcublas=12.9"], tmp_path / f"cache-{form}", cuda="13.0")
            assert found["libcublas"].version.startswith("12.9")
        assert server.seen("*/repodata.json.zst", status=200)
        assert server.seen("*/repodata.json", status=200)


def test_rattler_parses_each_document(packages: list[IndexedPackage], tmp_path: Path) -> None:
    import rattler

    files = channel_files(packages)
    for name in ("repodata.json", "current_repodata.json"):
        (tmp_path / name).write_bytes(files[f"linux-64/{name}"])
        records = rattler.RepoData.from_path(tmp_path / name).into_repo_data(rattler.Channel("https://x.invalid/c"))
        assert {one.file_name for one in records} == {one.filename for one in packages if one.subdir == "linux-64"}


class Counted(io.BytesIO):
    """Counts what is read."""

    total = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.total += len(data)
        return data


def test_only_the_metadata_of_a_package_is_read(channel: Path) -> None:
    file = next(channel.glob("linux-64/libcublas-12*.conda"))
    made = Counted()
    with zipfile.ZipFile(file) as small, zipfile.ZipFile(made, "w") as large:
        for name in small.namelist():
            large.writestr(name, os.urandom(8 << 20) if name.startswith("pkg-") else small.read(name))
    made.total = 0
    one = read_package(made, "linux-64", file.name, Digest.of(b""))
    assert one.name == "libcublas"
    assert made.total < 100_000


@pytest.mark.parametrize("harm", ["cut", "renamed", "subdir", "nozip"])
def test_what_is_no_such_package_is_refused(channel: Path, harm: str) -> None:
    file = next(channel.glob("linux-64/libcublas-12*.conda"))
    data, name, subdir = file.read_bytes(), file.name, "linux-64"
    data = {"cut": data[: len(data) // 2], "nozip": b"x" * 100}.get(harm, data)
    name = "other-1-0.conda" if harm == "renamed" else name
    subdir = "noarch" if harm == "subdir" else subdir
    with pytest.raises(FormatError):
        read_package(io.BytesIO(data), subdir, name, Digest.of(data))


def test_a_time_that_is_none_is_not_counted_and_ends_no_channel() -> None:
    record = {"name": "a", "version": "1", "build": "0", "build_number": 0}
    packages = [
        described("noarch", f"a-{time}-0.conda", Digest("ab" * 32, 5), record | {"indexed_timestamp": time}, {}, "v3")
        for time in ("2026-01-01", 7)
    ]
    told = json.loads(channel_files(packages)["noarch/repodata.json"])["info"]["repodata_revisions"]
    assert told == {"v3": {"n_packages": 2, "oldest": 7, "newest": 7}}
