"""What channels serve: records in JSON of any length and in shards, hostile ones too."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import msgpack
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cudepot.errors import CudepotError, FormatError, TrustError
from cudepot.formats.conda_record import checked, name_of, record_text
from cudepot.formats.conda_repodata import depended
from cudepot.formats.conda_shards import ShardIndex, read_index, read_shard
from cudepot.formats.conda_subdir import Subdir, read_needs, read_repodata, read_run_exports, run_exports_of
from cudepot.formats.json_stream import VALUE_LIMIT, JsonStream, value_of

FILE, SHA, MD5 = "zlib-1.3-h1_0.conda", "ab" * 32, "cd" * 16
RECORD: dict[str, Any] = {
    "name": "zlib", "version": "1.3", "build": "h1_0", "build_number": 0, "depends": ["libzlib 1.3"],
    "sha256": SHA, "md5": MD5, "size": 5, "subdir": "linux-64",
}  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


class Drops(io.BytesIO):
    """A stream that gives some bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self._step = step

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._step)


def zst(data: Any) -> bytes:
    return zstandard.ZstdCompressor().compress(msgpack.packb(data))


def repodata(**more: Any) -> bytes:
    return json.dumps(
        {"info": {"subdir": "linux-64"}, "packages": {}, "packages.conda": {FILE: RECORD}} | more
    ).encode()


def read(data: bytes, *names: str) -> Subdir:
    return read_repodata(io.BytesIO(data), "linux-64", names or ("zlib",), "repodata.json")


def skipped(data: io.BytesIO) -> None:
    stream = JsonStream(data, "x")
    stream.skip()
    stream.end()


@given(st.dictionaries(st.text(), JSON), st.integers(1, 9), st.sampled_from([None, 1]))
def test_a_document_is_read_as_json_reads_it(document: dict[str, Any], step: int, indent: int | None) -> None:
    stream = JsonStream(Drops(json.dumps(document, indent=indent).encode(), step), "x")
    assert {key: stream.value() for key in stream.members()} == document
    stream.end()


@given(st.lists(JSON), st.integers(1, 9))
def test_arrays_are_read_value_by_value_or_skipped(document: list[Any], step: int) -> None:
    text = json.dumps(document).encode()
    stream = JsonStream(Drops(text, step), "x")
    assert list(stream.items()) == document
    stream.end()
    skipped(Drops(text, step))


@given(st.binary(), st.integers(1, 9))
def test_anything_else_is_refused_as_malformed(data: bytes, step: int) -> None:
    try:
        skipped(Drops(data, step))
    except FormatError:
        return
    json.loads(data)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1',
        '{"a" 1}',
        "{1: 2}",
        '{"a": 1}}',
        '{"a": NaN}',
        '{"a": 1,}',
        "[" * 100_000,
        '{"a": ' * 100_000,
        '{"a": "' + "x" * (2 * VALUE_LIMIT),
        '{"\ud800": 1}',
    ],
    ids=range(10),
)
def test_what_is_damaged_or_hostile_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        skipped(io.BytesIO(text.encode("utf-8", "surrogatepass")))


def test_records_are_kept_as_they_are_and_others_are_not() -> None:
    odd = RECORD | {"unknown": {"x": [1, None]}, "indexed_timestamp": 1_790_000_000_123}
    other = RECORD | {"name": "numpy"}
    found = read(repodata(**{"packages.conda": {FILE: odd, "numpy-1.3-h1_0.conda": other}}))
    assert [(one.filename, one.record) for one in found.packages] == [(FILE, odd)]
    assert found.packages[0].digest is not None
    assert not found.odd


def test_the_head_of_an_index() -> None:
    info = {"subdir": "linux-64", "base_url": "../files/", "channel_relations": {"base": "../conda-forge"}}
    found = read(repodata(info=info, repodata_version=2, removed=[FILE, "numpy-1-0.conda"]))
    assert (found.base_url, found.relations) == ("../files/", {"base": "../conda-forge"})
    assert found.removed == {FILE}
    with pytest.raises(FormatError, match="version 3"):
        read(repodata(repodata_version=3))
    with pytest.raises(FormatError, match="is the index of 'noarch'"):
        read(repodata(info={"subdir": "noarch"}))


def test_records_of_the_newer_revision() -> None:
    v3 = {"conda": {"zlib-1.3-h1_0": RECORD}, "whl": {"zlib-1.3": {"any": "thing"}}, "later": 1}
    found = read(repodata(v3=v3, **{"packages.conda": {}}))
    assert [(one.filename, one.revision) for one in found.packages] == [(FILE, "v3")]


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "numpy"},
        {"name": "../zlib"},
        {"version": "1.4"},
        {"build": None},
        {"build_number": "0"},
        {"build_number": True},
        {"size": -1},
        {"size": 1 << 60},
        {"size": "5"},
        {"sha256": "ab"},
        {"sha256": SHA.upper()},
        {"sha256": 7},
        {"md5": "zz" * 16},
        {"attestations_sha256": "x"},
        {"subdir": "noarch"},
        {"depends": "libzlib"},
        {"depends": [1]},
        {"depends": [" "]},
        {"constrains": {}},
        {"indexed_timestamp": "2026-01-01"},
        {"indexed_timestamp": True},
        {"indexed_timestamp": -1},
        {"indexed_timestamp": 1 << 70},
        {"flags": "cuda"},
        {"flags": [1]},
        {"flags": {"cuda": 1}},
        {"license": "\ud800"},
        {"license": b"\xff"},
        {"x": float("nan")},
        {"run_exports": ["x"]},
        {"run_exports": {"odd": ["x"]}},
        {"run_exports": {"weak": 5}},
        {"run_exports": {"weak": "libfoo"}},
        {"run_exports": {"weak": {"libfoo": 1}}},
        {"run_exports": {"weak": ["x\ny"]}},
    ],
)
def test_a_record_that_cannot_be_believed_is_left_out(changed: dict[str, Any]) -> None:
    found = Subdir("linux-64")
    found.take(FILE, RECORD | changed, "x")
    assert not found.packages
    assert len(found.odd) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"indexed_timestamp": 1758039171969, "flags": ["cuda", "blas:mkl"]},
        {"indexed_timestamp": None, "flags": None},
        {"indexed_timestamp": 0, "flags": []},
    ],
)
def test_what_the_newer_revision_adds_is_kept(more: dict[str, Any]) -> None:
    assert checked(FILE, RECORD | more, "linux-64", "x") == RECORD | more


@pytest.mark.parametrize(
    "filename", ["zlib.conda", "zlib-1.3-h1_0.zip", "../zlib-1.3-h1_0.conda", "a/zlib-1.3-h1_0.conda"]
)
def test_a_name_that_is_not_the_records_is_refused(filename: str) -> None:
    with pytest.raises(FormatError):
        checked(filename, RECORD, "linux-64", "x")


def test_file_names() -> None:
    assert name_of("ca-certificates-2026.1.1-h1_0.tar.bz2") == "ca-certificates"
    assert [name_of(one) for one in ("x", "x-1.conda", "")] == ["", "", ""]


def index(shards: Any, **more: Any) -> bytes:
    return zst({"version": 1, "info": {"subdir": "linux-64", "shards_base_url": "./shards"}, "shards": shards} | more)


def shard_of(records: dict[str, Any], **more: Any) -> tuple[bytes, ShardIndex]:
    data = zst({"packages": {}, "packages.conda": records, "removed": []} | more)
    return data, read_index(index({"zlib": hashlib.sha256(data).digest()}), "linux-64", "x")


def test_a_shard_says_what_json_says() -> None:
    packed = RECORD | {"sha256": bytes.fromhex(SHA), "md5": bytes.fromhex(MD5), "run_exports": {"weak": ["zlib"]}}
    data, found = shard_of({FILE: packed}, removed=["zlib-1-0.conda"])
    assert found.shard("zlib") == f"./shards/{hashlib.sha256(data).hexdigest()}.msgpack.zst"
    head = found.head
    read_shard(data, found, "zlib", head, "x")
    assert [record_text(one.record) for one in head.packages] == [record_text(RECORD)]
    assert head.packages[0].run_exports == {"weak": ["zlib"]}
    assert head.removed == {"zlib-1-0.conda"}


def test_a_shard_that_is_not_the_one_named() -> None:
    data, found = shard_of({FILE: RECORD})
    with pytest.raises(TrustError, match="the index says"):
        read_shard(data + b"x", found, "zlib", found.head, "x")


@pytest.mark.parametrize(
    "records",
    [{FILE: RECORD | {"name": "numpy"}}, {FILE: []}, {7: RECORD}, ["x"]],
)
def test_a_shard_with_anything_but_its_packages(records: Any) -> None:
    data, found = shard_of(records)
    with pytest.raises(FormatError):
        read_shard(data, found, "zlib", Subdir("linux-64"), "x")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x28\xb5\x2f\xfd",
        msgpack.packb({}),
        zst([]),
        zst({}),
        zst({"info": [], "shards": {}}),
        index([]),
        index({"zlib": b"short"}),
        index({"../x": b"x" * 32}),
        index({}, version=2),
        index({}, info={"subdir": "noarch"}),
        index({}, info={"shards_base_url": 7}),
        index({}, info={"base_url": "a\nb"}),
        zst(b"\x91" * 10_000),
        zstandard.ZstdCompressor().compress(b"\x91" * 100_000),
        zstandard.ZstdCompressor().compress(bytes(128 << 20)),
    ],
    ids=range(16),
)
def test_an_index_of_shards_that_is_none(data: bytes) -> None:
    with pytest.raises(CudepotError):
        read_index(data, "linux-64", "x")


def test_run_exports_beside_the_index() -> None:
    entries = {FILE: {"run_exports": {"weak": ["zlib"]}}, "a-1-0.conda": {"run_exports": {}}}
    data = json.dumps({"info": {"version": 1}, "packages": {}, "packages.conda": entries}).encode()
    assert [*read_run_exports(io.BytesIO(data), {FILE}, "x")] == [(FILE, {"weak": ["zlib"]}, "")]
    assert run_exports_of({"weak": None}, FILE, "x") == {"weak": []}


@pytest.mark.parametrize("exports", [{"weak": 5}, {"weak": "libfoo"}, {"odd": []}, 7])
def test_run_exports_that_are_none_keep_nobody_from_others(exports: Any) -> None:
    entries = {"a-1-0.conda": {"run_exports": exports}, FILE: {"run_exports": {"weak": ["zlib"]}}}
    data = json.dumps({"packages.conda": entries}).encode()
    odd, good = read_run_exports(io.BytesIO(data), {FILE, "a-1-0.conda"}, "x")
    assert (odd.exports, odd.odd) == (None, "x: 'a-1-0.conda': its run_exports are none")
    assert good == (FILE, {"weak": ["zlib"]}, "")


# members that are not looked into


def as_texts(data: bytes, step: int = 1 << 20) -> list[tuple[str, Any]]:
    stream = JsonStream(Drops(data, step), "x")
    found = [(key, value_of(text, "x")) for key, text in stream.texts()]
    stream.end()
    return found


@given(st.dictionaries(st.text(), st.one_of(st.dictionaries(st.text(), JSON), JSON)), st.integers(1, 60))
def test_members_as_text_are_as_json_reads_them(document: dict[str, Any], step: int) -> None:
    for data in (json.dumps(document).encode(), json.dumps(document, indent=1, ensure_ascii=False).encode()):
        for one in (step, 1 << 20):
            assert as_texts(data, one) == list(document.items())


@pytest.mark.parametrize("text", ["plain", "}", "{", '"}, "', "}, ", "\\", 'a}, "b": {', "ä"])
def test_what_is_in_strings_ends_no_member(text: str) -> None:
    document = {f"{text}{number}": {"depends": ["a", text], "name": text, "x": {text: 1}} for number in range(3)}
    document |= {f"flat {text}{number}": {"depends": [text, "]"], "name": text} for number in range(3)}
    assert dict(as_texts(json.dumps(document, ensure_ascii=False).encode())) == document


@pytest.mark.parametrize(
    "text", ['{"a": {}', '{"a": {},}', '{"a": {}}}', '{"a": {} "b": {}}', '{"a": {"b": NaN}, "c": {}}', "[]", "{1: {}}"]
)
def test_damaged_objects_are_refused_as_text_too(text: str) -> None:
    with pytest.raises(FormatError):
        as_texts(text.encode())


@given(st.lists(st.text(), max_size=4), st.text(), st.booleans())
def test_what_a_record_needs_is_told_without_reading_it(depends: list[str], other: str, ascii_: bool) -> None:
    record = {"license": other, "depends": depends, "constrains": [other]}
    document = {"packages.conda": {"a-1-0.conda": record, "b-1-0.conda": {}}}
    found = read_needs(io.BytesIO(json.dumps(document, ensure_ascii=ascii_).encode()), "x")
    assert found["a"] == {depended(one) for one in depends}


def test_what_packages_need_is_told_by_name() -> None:
    other = RECORD | {"depends": ["libzlib >=1", 3, "never"]}
    data = repodata(
        packages={"zlib-1.2-h0_0.tar.bz2": RECORD | {"depends": ["libgcc"]}, "odd-1-0.conda": other, "x": 1}
    )
    found = read_needs(io.BytesIO(data), "x")
    assert found["zlib"] == {"libgcc", *(one.partition(" ")[0] for one in RECORD.get("depends", ()))}
