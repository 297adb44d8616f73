"""METADATA out of a wheel of which pieces are read: the same as out of the whole, and few bytes of it."""

from __future__ import annotations

import io
import random
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.errors import FormatError
from cudepot.formats.wheel_pieces import metadata_in_pieces
from cudepot.formats.wheel_read import read_metadata

METADATA = b"Metadata-Version: 2.1\nName: x\nVersion: 1.0\n\n" + b"Long description. " * 200
INFO = "x-1.0.dist-info"


class Wheel:
    """A wheel that counts what is read of it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.reads, self.bytes = data, 0, 0

    def read(self, start: int, size: int) -> bytes:
        assert 0 <= start < start + size <= len(self.data), "a server would refuse that"
        self.reads, self.bytes = self.reads + 1, self.bytes + size
        return self.data[start : start + size]

    def metadata(self) -> bytes:
        return metadata_in_pieces(self.read, len(self.data))


def packed(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> Wheel:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
        archive.comment = comment
    return Wheel(out.getvalue())


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def test_a_small_wheel_takes_one_piece() -> None:
    wheel = packed(("x/__init__.py", b""), (f"{INFO}/METADATA", METADATA), (f"{INFO}/RECORD", b""))
    assert wheel.metadata() == METADATA
    assert wheel.reads == 1


def test_of_a_large_wheel_its_end_and_the_member_are_read() -> None:
    many = [(f"torch/include/{number:06}/a_header_with_a_long_name.h", b"x") for number in range(12_000)]
    wheel = packed(("torch/lib/libtorch.so", noise(3 << 20)), (f"{INFO}/METADATA", METADATA), *many[:8000])
    assert wheel.metadata() == METADATA, "first of the directory: all of that is read"
    assert wheel.reads == 3
    wheel = packed(
        ("torch/lib/libtorch.so", noise(3 << 20)), *many, (f"{INFO}/METADATA", METADATA), ("x.py", noise(99999))
    )
    assert wheel.metadata() == METADATA
    assert wheel.reads == 2
    assert wheel.bytes < 100_000


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("comment", [b"", b"a comment PK\1\2 and PK\3\4"])
def test_stored_or_deflated_commented_or_not(method: int, comment: bytes) -> None:
    wheel = packed((f"{INFO}/METADATA", METADATA), ("x.py", noise(100_000)), method=method, comment=comment)
    assert wheel.metadata() == METADATA


def test_zip64_is_read() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(f"{INFO}/METADATA", "w", force_zip64=True) as member:
            member.write(METADATA)
        archive.writestr("x.py", noise(100_000))
    assert Wheel(out.getvalue()).metadata() == METADATA
    data = bytearray(out.getvalue())  # sizes and offset of the entry in its extra field, as of wheels above 4 GiB
    end = data.rfind(b"PK\5\6")
    entry = data.rfind(b"PK\1\2", 0, data.rfind(INFO.encode(), 0, end))
    packed_size, size = struct.unpack_from("<LL", data, entry + 20)
    named, extra = struct.unpack_from("<HH", data, entry + 28)
    wide = struct.pack("<HHQQQ", 1, 24, size, packed_size, 0)
    struct.pack_into("<LL", data, entry + 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", data, entry + 30, extra + len(wide))
    struct.pack_into("<L", data, entry + 42, 0xFFFFFFFF)
    data[entry + 46 + named : entry + 46 + named] = wide
    struct.pack_into(
        "<L", data, data.rfind(b"PK\5\6") + 12, struct.unpack_from("<L", data, end + len(wide) + 12)[0] + len(wide)
    )
    assert read_metadata(io.BytesIO(data)) == METADATA
    assert Wheel(bytes(data)).metadata() == METADATA


def members(*names: str) -> st.SearchStrategy[list[tuple[str, bytes]]]:
    return st.lists(st.tuples(st.sampled_from(names), st.binary()), max_size=3, unique_by=lambda one: one[0])


@given(
    members("a", "b/c", "x.dist-info/RECORD", "vendored/y.dist-info/METADATA"),
    members("d", "e/f.METADATA", "METADATA"),
    st.binary(max_size=300),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    st.integers(0, 70_000),
)
def test_whatever_is_around_it_the_whole_says_the_same(
    before: list[tuple[str, bytes]], after: list[tuple[str, bytes]], text: bytes, method: int, large: int
) -> None:
    wheel = packed(*before, (f"{INFO}/METADATA", text), ("large", noise(large)), *after, method=method)
    assert wheel.metadata() == read_metadata(io.BytesIO(wheel.data)) == text


def flipped(offset: int) -> bytes:
    data = bytearray(packed((f"{INFO}/METADATA", METADATA)).data)
    data[offset] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        bytes(20) + b".dist-info/METADATA" + bytes(60) + b"PK\1\2" + bytes(30) + b"PK\5\6" + bytes(18),
        b"", b"PK\5\6", b"x" * 100_000, packed(("x.py", b"")).data, flipped(0), flipped(60),
        flipped(80), flipped(-76), flipped(-68),
        packed((f"{INFO}/METADATA", METADATA), method=zipfile.ZIP_BZIP2).data,
        packed((f"{INFO}/METADATA", METADATA), ("y-1.dist-info/METADATA", b"y")).data,
        packed((f"{INFO}/METADATA", bytes((4 << 20) + 1))).data,
    ],
    ids=lambda data: str(len(data)),
)  # fmt: skip
def test_what_is_no_wheel_or_a_damaged_one_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        Wheel(data).metadata()


@given(st.binary(max_size=400), st.integers(0, 500), st.binary(min_size=1, max_size=8))
def test_no_bytes_end_in_another_error(junk: bytes, at: int, other: bytes) -> None:
    data = packed(("a", junk), (f"{INFO}/METADATA", b"Name: x\n")).data
    for one in (junk, junk + data, data[:at] + other + data[at + len(other) :], data[:at]):
        try:
            metadata_in_pieces(lambda start, size, one=one: one[start : start + size], len(one))  # type: ignore[misc]
        except FormatError:
            continue
