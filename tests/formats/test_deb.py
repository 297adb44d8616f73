"""Debian packages: real ones made by dpkg-deb, and damaged ones."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
import zstandard
from simulator.cudnn import CudnnRelease
from simulator.debs import write_debs
from tests.formats.test_archive import entry, tar_of

from cudepot.errors import FormatError
from cudepot.formats.deb import read_control, read_deb


def ar(*members: tuple[str, bytes]) -> bytes:
    out = b"!<arch>\n"
    for name, data in members:
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
    return out


CONTROL = b"Package: x\nVersion: 1\nArchitecture: amd64\n"


def deb(data: bytes | None = None, **more: bytes) -> bytes:
    control = tar_of(entry("./", type=tarfile.DIRTYPE), entry("./md5sums", b"x"), entry("./control", CONTROL))
    files = tar_of(entry("./usr/lib/libx.so.8", b"elf")) if data is None else data
    return ar(("debian-binary", b"2.0\n"), ("control.tar", control), ("data.tar", files), *more.items())


@pytest.fixture(scope="module")
def debs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    paths = write_debs(
        CudnnRelease("8.0.5.39", "11.1"),
        tmp_path_factory.mktemp("debs"),
        sign=lambda text: b"-----BEGIN-----\n" + text,
    )
    return {path.name.split("_")[0]: path for path in paths}


@pytest.mark.tools
def test_reads_a_package_that_dpkg_made_and_nvidia_signed(debs: dict[str, Path]) -> None:
    assert b"_gpgbuilder" in debs["libcudnn8"].read_bytes()
    with debs["libcudnn8"].open("rb") as stream:
        members = {member.name: member for member, _ in read_deb(stream)}
        assert stream.read() == b""
    folder = "usr/lib/x86_64-linux-gnu"
    assert members[f"{folder}/libcudnn.so.8"].link == "libcudnn.so.8.0.5"
    assert members[f"{folder}/libcudnn.so.8.0.5"].size > 1000
    assert "usr/share/doc/libcudnn8/copyright" in members


@pytest.mark.tools
def test_reads_the_control_text_of_such_a_package(debs: dict[str, Path]) -> None:
    with debs["libcudnn8-dev"].open("rb") as stream:
        text = read_control(stream).decode()
        assert stream.tell() < debs["libcudnn8-dev"].stat().st_size or stream.tell() < 2 << 20
    assert "Package: libcudnn8-dev\n" in text
    assert "Depends: libcudnn8 (= 8.0.5.39-1+cuda11.1)" in text


def test_zstd_members_as_ubuntu_makes_them() -> None:
    pack = zstandard.ZstdCompressor().compress
    data = ar(
        ("debian-binary", b"2.0\n"),
        ("control.tar.zst", pack(tar_of(entry("./control", b"Package: z\n")))),
        ("data.tar.zst/", pack(tar_of(entry("./a", b"content")))),
    )
    assert read_control(io.BytesIO(data)) == b"Package: z\n"
    assert [(m.name, c.read() if c else b"") for m, c in read_deb(io.BytesIO(data))] == [("a", b"content")]


def test_unknown_members_are_skipped_wherever_they_stand() -> None:
    data = ar(("debian-binary", b"2.0\n"), ("_odd", b"123"), ("control.tar", tar_of(entry("control", b"P: x\n"))))
    assert read_control(io.BytesIO(data)) == b"P: x\n"
    assert [m.name for m, _ in read_deb(io.BytesIO(deb(_gpgbuilder=b"odd")))] == ["usr/lib/libx.so.8"]


BAD = {
    "empty": b"",
    "no ar": b"PK\x03\x04 and more",
    "no debian-binary": ar(("data.tar", tar_of())),
    "format 3": ar(("debian-binary", b"3.0\n"), ("data.tar", tar_of())),
    "no data": ar(("debian-binary", b"2.0\n"), ("control.tar", tar_of())),
    "two data": deb(**{"data.tar.gz": tar_of(entry("b", b"2"))}),
    "negative size": b"!<arch>\n" + f"{'debian-binary':<48}{-4:<10}`\n".encode() + b"2.0\n",
    "bad header end": deb().replace(b"`\n", b"xx", 1),
    "hostile member": deb(tar_of(entry("../x", b"1"))),
    "cut in data": deb()[:-1500],
    "cut in header": deb()[: 8 + 60 + 4 + 30],
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_proper_deb_is_a_format_error(case: str) -> None:
    with pytest.raises(FormatError):
        list(read_deb(io.BytesIO(BAD[case])))


def test_a_deb_without_control_text_is_a_format_error() -> None:
    data = ar(("debian-binary", b"2.0\n"), ("control.tar", tar_of(entry("./md5sums", b""))), ("data.tar", tar_of()))
    with pytest.raises(FormatError, match="no control file"):
        read_control(io.BytesIO(data))


def test_cut_off_anywhere_before_the_end_mark_is_an_error() -> None:
    whole = deb()
    needed = len(whole.rstrip(b"\0"))
    for size in range(0, needed, 97):
        with pytest.raises(FormatError):
            list(read_deb(io.BytesIO(whole[:size])))
