"""tar archives: every compression, and every way to be hostile or damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator.process import run

from cudepot.errors import FormatError, TrustError
from cudepot.formats.archive import read_tar
from cudepot.formats.compression import decompressed
from cudepot.formats.guarded import MOST_MEMBERS
from cudepot.formats.members import Member, safe_name
from cudepot_far import packed

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gz": lambda data: gzip.compress(data, mtime=0),
    "xz": lzma.compress,
    "bz2": bz2.compress,
    "zst": lambda data: zstandard.ZstdCompressor().compress(data),
}


class Unseekable(io.RawIOBase):
    """A stream as a socket gives it: short reads, no way back."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        chunk = self.inner.read(min(len(buffer), 700))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def entry(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def tar_of(*entries: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def read(data: bytes, limit: int = 1 << 30, most: int = MOST_MEMBERS) -> list[tuple[Member, bytes | None]]:
    stream = cast(BinaryIO, io.BufferedReader(Unseekable(data)))
    found = read_tar(stream, limit=limit, most=most)
    return [(member, content.read() if content else None) for member, content in found]


def small() -> bytes:
    return tar_of(
        entry("./cuda", type=tarfile.DIRTYPE),
        entry("./cuda/lib/libx.so.8.0.5", b"elf" * 9000, mode=0o755),
        entry("cuda/lib/libx.so.8", type=tarfile.SYMTYPE, linkname="libx.so.8.0.5"),
        entry("cuda//LICENSE", b"text"),
    )


@pytest.mark.parametrize("packer", PACKERS)
def test_reads_every_compression_from_an_unseekable_stream(packer: str) -> None:
    assert read(PACKERS[packer](small())) == [
        (Member("cuda/lib/libx.so.8.0.5", 27000, executable=True), b"elf" * 9000),
        (Member("cuda/lib/libx.so.8", 0, link="libx.so.8.0.5"), None),
        (Member("cuda/LICENSE", 4), b"text"),
    ]


@pytest.mark.parametrize("zeros", [4, 64 << 10, 200 << 10])
@pytest.mark.parametrize("packer", ["gz", "xz", "bz2"])
def test_what_lies_behind_padding_is_read(packer: str, zeros: int) -> None:
    pack = PACKERS[packer]
    padded = pack(b"first") + bytes(zeros) + pack(b"second") + bytes(zeros)
    assert decompressed(io.BytesIO(padded), "x", limit=1 << 20).read() == b"firstsecond"
    assert b"".join(packed.unpacked(io.BytesIO(padded), "x", 1 << 20)) == b"firstsecond"


@pytest.mark.tools
def test_xz_reads_what_lies_behind_padding(tmp_path: Path) -> None:
    path = tmp_path / "x.xz"
    path.write_bytes(lzma.compress(b"first") + bytes(64 << 10) + lzma.compress(b"second"))
    assert run("xz", "-dc", path).stdout == "firstsecond"


def test_members_that_nobody_reads_are_skipped() -> None:
    names = [member.name for member, _ in read_tar(io.BytesIO(gzip.compress(small())))]
    assert names == ["cuda/lib/libx.so.8.0.5", "cuda/lib/libx.so.8", "cuda/LICENSE"]


def test_long_names_of_both_formats() -> None:
    name = "/".join(["folder" * 8] * 6) + "/file"
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        assert read(tar_of(entry(name, b"x"), form=form)) == [(Member(name, 1), b"x")]


def test_hard_link_becomes_a_link_to_the_earlier_file() -> None:
    data = tar_of(entry("a/x.h", b"text"), entry("b/x_v8.h", type=tarfile.LNKTYPE, linkname="a/x.h"))
    assert read(data)[1] == (Member("b/x_v8.h", 0, link="../a/x.h"), None)


HOSTILE = {
    "absolute": entry("/etc/passwd", b"x"),
    "dot-dot": entry("cuda/../../x", b"x"),
    "control character": entry("cuda/a\nb", b"x"),
    "backslash": entry("cuda\\x", b"x"),
    "absolute link": entry("cuda/x", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "link out": entry("cuda/lib/x", type=tarfile.SYMTYPE, linkname="../../../etc/passwd"),
    "empty link": entry("cuda/x", type=tarfile.SYMTYPE, linkname=""),
    "hard link to nothing": entry("cuda/x", type=tarfile.LNKTYPE, linkname="cuda/y"),
    "hard link out": entry("cuda/x", type=tarfile.LNKTYPE, linkname="../y"),
    "character device": entry("cuda/x", type=tarfile.CHRTYPE),
    "block device": entry("cuda/x", type=tarfile.BLKTYPE),
    "fifo": entry("cuda/x", type=tarfile.FIFOTYPE),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_members_are_refused_by_name(case: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(tar_of(entry("cuda/ok", b"fine"), HOSTILE[case]))
    assert repr(HOSTILE[case][0].name)[:20] in str(caught.value)


def test_a_link_that_stays_inside_is_fine() -> None:
    data = tar_of(entry("cuda/lib/x", type=tarfile.SYMTYPE, linkname="../include/../x"))
    assert read(data) == [(Member("cuda/lib/x", 0, link="../include/../x"), None)]


def test_a_name_given_twice_is_refused_however_it_is_written() -> None:
    with pytest.raises(FormatError, match="'cuda/x' appears twice"):
        read(tar_of(entry("cuda/x", b"one"), entry("./cuda//x", b"two")))


@pytest.mark.parametrize("packer", ["gz", "xz", "bz2", "zst"])
def test_bomb_is_stopped_at_the_limit(packer: str) -> None:
    bomb = PACKERS[packer](tar_of(entry("zeros", bytes(12 << 20))))
    with pytest.raises(FormatError, match=r"zeros|more bytes"):
        read(bomb, limit=4 << 20)


def test_bomb_of_bytes_behind_the_archive_is_stopped() -> None:
    with pytest.raises(FormatError, match="more bytes than allowed"):
        read(gzip.compress(small() + bytes(30 << 20)), limit=10 << 20)


def test_announced_size_counts_before_any_byte_is_there() -> None:
    info, _ = entry("huge")
    info.size = 1 << 50
    with pytest.raises(FormatError, match="huge"):
        read(info.tobuf(tarfile.GNU_FORMAT))


def test_oversized_extended_header_is_not_read_into_memory() -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    with pytest.raises(FormatError, match="oversized header"):
        read(info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))


@pytest.mark.parametrize("packer", PACKERS)
def test_cut_off_anywhere_is_an_error(packer: str) -> None:
    whole = PACKERS[packer](small())
    # a plain tar's end mark is 1024 zero bytes, then padding which says nothing
    ends = len(small().rstrip(b"\0")) if packer == "plain" else len(whole) - 1
    for size in sorted({0, 1, 5, 100, 511, 512, ends // 2, ends - 40, ends}):
        if size >= len(whole):
            continue
        with pytest.raises(FormatError):
            read(whole[:size])


@pytest.mark.parametrize("packer", ["gz", "xz", "bz2"])
def test_a_changed_byte_of_compressed_data_is_an_error(packer: str) -> None:
    whole = bytearray(PACKERS[packer](small()))
    whole[len(whole) // 2] ^= 0xFF
    with pytest.raises(FormatError):
        read(bytes(whole))


def test_a_damaged_header_in_the_middle_is_not_taken_for_the_end() -> None:
    data = bytearray(tar_of(entry("one", b"1"), entry("two", b"2")))
    data[1024 + 3] ^= 0xFF
    with pytest.raises(FormatError, match="bad header"):
        read(bytes(data))


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"PK\x03\x04" + bytes(600), b"\x1f\x8b" + bytes(100), b"\xfd7zXZ\0junk"]
)
def test_what_is_no_archive_is_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        read(data)


def test_errors_of_the_caller_s_reader_pass_through() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            if self.tell() > 2000:
                raise TrustError("sha256 differs")
            return data

    with pytest.raises(TrustError):
        list(read_tar(Failing(small())))


def test_the_stream_is_read_to_its_end() -> None:
    stream = io.BytesIO(gzip.compress(small()) + bytes(100_000))
    list(read_tar(stream))
    assert stream.read() == b""


@given(st.lists(st.sampled_from(["a", "b", ".", "..", "", "/", "x\\y", "\0", "\n", "é", "c d"]), max_size=8))
def test_a_safe_name_never_leaves_its_folder(parts: list[str]) -> None:
    try:
        name = safe_name("/".join(parts))
    except FormatError:
        return
    assert not name.startswith("/")
    assert not {"..", ".", ""} & set(name.split("/"))
    assert safe_name(name) == name


@settings(deadline=None)  # what is damaged first loads the decoders
@given(st.binary(max_size=2000), st.sampled_from(sorted(PACKERS)), st.integers(0, 40))
def test_random_bytes_never_raise_anything_else(data: bytes, packer: str, at: int) -> None:
    whole = bytearray(PACKERS[packer](small()))
    whole[at * 10 : at * 10 + len(data)] = data
    try:
        for member, _ in read(bytes(whole), limit=1 << 20):
            assert ".." not in member.name.split("/")
    except FormatError:
        pass


SPARSE = {
    "old GNU": ("--format=gnu", "--sparse"),
    "pax 0.0": ("--format=posix", "--sparse", "--sparse-version=0.0"),
    "pax 0.1": ("--format=posix", "--sparse", "--sparse-version=0.1"),
    "pax 1.0": ("--format=posix", "--sparse", "--sparse-version=1.0"),
}


@pytest.mark.tools
@pytest.mark.parametrize("form", SPARSE)
def test_sparse_files_of_the_real_tar_are_refused_by_name(form: str, tmp_path: Path) -> None:
    with (tmp_path / "libcudnn.so.8").open("wb") as made:
        for at in range(0, 1 << 26, 1 << 21):  # many holes: more than fit into one header
            made.seek(at)
            made.write(b"data")
        made.truncate(1 << 34)
    run("tar", *SPARSE[form], "-cf", tmp_path / "made.tar", "-C", tmp_path, "libcudnn.so.8")
    data = (tmp_path / "made.tar").read_bytes()
    assert len(data) < 1 << 20
    with pytest.raises(FormatError, match=r"'libcudnn\.so\.8' is a sparse file"):
        read(data)


def test_a_size_below_nothing_in_an_extended_header_is_refused() -> None:
    info, data = entry("cuda/x", b"data")
    info.pax_headers = {"size": "-5"}
    with pytest.raises(FormatError):
        read(tar_of((info, data), form=tarfile.PAX_FORMAT))


def test_many_empty_members_are_refused_before_all_of_them_are_read() -> None:
    data = tar_of(*(entry(f"cuda/{one}") for one in range(1050)))
    with pytest.raises(FormatError, match="too many bytes or members"):
        read(data, most=1000)
    folders = tar_of(*(entry(f"cuda/{one}", type=tarfile.DIRTYPE) for one in range(1050)))
    with pytest.raises(FormatError, match="too many bytes or members"):
        read(folders, most=1000)
