"""The zip writer against the standard library's reader."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.formats import zip_write
from cudepot.formats.zip_write import ZipWriter


def zipped(data: bytes, *, threads: int = 1, cut: int = 1 << 20, level: int = 6) -> bytes:
    out = io.BytesIO()
    archive = ZipWriter(out, threads=threads)
    chunks = [data[at : at + cut] for at in range(0, len(data), cut)]
    archive.deflate("deflated", chunks, most=len(data), level=level)
    archive.store("stored/é", chunks, most=len(data), mode=0o755)
    archive.close()
    return out.getvalue()


@given(st.binary(max_size=5000), st.integers(1, 600), st.integers(0, 9))
def test_reads_back(data: bytes, cut: int, level: int) -> None:
    with zipfile.ZipFile(io.BytesIO(zipped(data, cut=cut, level=level))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"deflated": data, "stored/é": data}
        modes = [one.external_attr >> 16 for one in archive.infolist()]
        assert modes == [0o100644, 0o100755]


def test_threads_and_chunks_change_nothing() -> None:
    data = b"".join(str(number).encode() for number in range(200_000))
    assert zipped(data, threads=1) == zipped(data, threads=3, cut=12345)
    with zipfile.ZipFile(io.BytesIO(zipped(data))) as archive:
        assert archive.read("deflated") == data
        assert archive.getinfo("deflated").compress_size < len(data) / 2


def test_zip64_is_used_when_sizes_may_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_write, "_SMALL", 100)
    out = io.BytesIO()
    archive = ZipWriter(out)
    archive.store("large", [bytes(500)], most=500)
    archive.store("small", [b"x"], most=1)
    with pytest.raises(AssertionError):
        archive.store("liar", [bytes(500)], most=1)
    data = out.getvalue()
    # 0x2D: version 4.5 is needed to extract, which is what ZIP64 came with
    assert data[4] == 0x2D
    assert data[data.rindex(b"PK\x03\x04", 0, data.index(b"small")) + 4] == 0x14


def test_a_real_zip64_header_is_read_back() -> None:
    out = io.BytesIO()
    archive = ZipWriter(out)
    archive.store("wide", [b"content"], most=1 << 33)
    archive.close()
    with zipfile.ZipFile(io.BytesIO(out.getvalue())) as read:
        assert read.read("wide") == b"content"
        assert read.getinfo("wide").extract_version == 45
