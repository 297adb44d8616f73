"""Indexes that rattler tests itself with, read by us as rattler reads them, in every form of an index."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import msgpack
import pytest
import rattler
import zstandard

from cudepot.formats.conda_repodata import entries_of
from cudepot.formats.conda_shards import read_index, read_shard
from cudepot.formats.conda_subdir import Subdir, read_needs, read_repodata, settled

FOLDER = Path(__file__).parents[1] / "data/rattler"
FILES = sorted(one.stem for one in FOLDER.glob("*.json"))
_FIELDS = ("version", "build", "build_number", "depends", "license", "size")
Rows = dict[str, tuple[Any, ...]]


def theirs(path: Path, subdir: str = "noarch") -> Rows:
    """Return what rattler has of each package, in both forms of packages."""
    both = rattler.PackageFormatSelection.BOTH
    with rattler.SparseRepoData(rattler.Channel("file:///x"), subdir, path) as sparse:
        every = [one for name in sparse.package_names() for one in sparse.load_records(rattler.PackageName(name), both)]
    return {
        one.file_name: (str(one.version), str(one.build), one.build_number, one.depends, one.license, one.size)
        for one in every
    }


def ours(found: Subdir) -> Rows:
    return {
        one.filename: tuple(one.record.get(key, [] if key == "depends" else None) for key in _FIELDS)
        for one in settled(found.packages, found.removed)
    }


def names_in(document: dict[str, Any]) -> set[str]:
    forms = [document["packages"], document["packages.conda"], *document.get("v3", {}).values()]
    return {one["name"] for form in forms for one in form.values()}


@pytest.mark.parametrize("name", [one for one in FILES if one != "odd-noarch"])
def test_we_see_what_rattler_sees(name: str) -> None:
    path = FOLDER / f"{name}.json"
    data, wanted = path.read_bytes(), theirs(path)
    names = names_in(json.loads(data))
    assert ours(read_repodata(io.BytesIO(data), "noarch", names, name)) == wanted
    assert wanted.keys() <= entries_of(data, name).keys()
    needs = read_needs(io.BytesIO(data), name)
    for filename, row in wanted.items():
        assert {one.partition("[")[0] for one in row[3]} <= needs[filename.rsplit("-", 2)[0]]


@pytest.mark.parametrize("name", ["conditional", "one"])
def test_the_same_in_shards(name: str) -> None:
    document = json.loads((FOLDER / f"{name}.json").read_bytes())
    found, hashes, shards = Subdir("noarch"), {}, {}
    for one in names_in(document):
        forms = {
            key: {file: each for file, each in document[key].items() if each["name"] == one}
            for key in ("packages", "packages.conda")
        }
        shards[one] = zstandard.compress(msgpack.packb({**forms, "removed": []}))
        hashes[one] = hashlib.sha256(shards[one]).digest()
    head = {"info": {"subdir": "noarch", "base_url": "", "shards_base_url": ""}, "shards": hashes, "version": 1}
    index = read_index(zstandard.compress(msgpack.packb(head)), "noarch", name)
    for one, data in shards.items():
        read_shard(data, index, one, found, name)
    assert ours(found) == theirs(FOLDER / f"{name}.json")


def test_a_record_that_would_cost_all_others_of_its_name_is_left_out() -> None:
    """rattler reads none of them; what is left here it can read."""
    path = FOLDER / "odd-noarch.json"
    document = json.loads(path.read_bytes()) | {"info": {"subdir": "linux-64"}}
    with pytest.raises(Exception, match="notempty-this-should-fail"):
        theirs(path)
    found = read_repodata(io.BytesIO(json.dumps(document).encode()), "linux-64", {"foo", "bar"}, "x")
    assert [one.filename for one in found.packages] == ["foo-1-xxx.tar.bz2", "bar-2-xxx.tar.bz2"]
    assert found.odd == ["x: 'bar-1-xxx.tar.bz2': its noarch is none"]
