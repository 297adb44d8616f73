"""Wheels: a real one, and hostile or damaged ones."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease
from simulator.wheels import write_wheel

from cudepot.errors import FormatError
from cudepot.formats.wheel_read import read_metadata, read_wheel


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def special(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def read(data: bytes, limit: int = 1 << 30) -> dict[str, bytes]:
    return {m.name: content.read() if content else b"" for m, content in read_wheel(io.BytesIO(data), limit=limit)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wheel(CudnnRelease("8.5.0.96", "11"), tmp_path_factory.mktemp("wheel"))


@pytest.mark.tools
def test_reads_every_file_of_a_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        expected = {name: archive.read(name) for name in archive.namelist()}
    assert read(wheel.read_bytes()) == expected
    assert read_metadata(io.BytesIO(wheel.read_bytes())).startswith(b"Metadata-Version: ")


@pytest.mark.tools
def test_members_that_nobody_reads_are_skipped(wheel: Path) -> None:
    with wheel.open("rb") as stream:
        assert len(list(read_wheel(stream))) > 20


def test_folders_are_skipped() -> None:
    assert read(zipped(("nvidia/", b""), ("nvidia/x", b"1"))) == {"nvidia/x": b"1"}


HOSTILE: dict[str, tuple[str | zipfile.ZipInfo, bytes]] = {
    "absolute": ("/etc/passwd", b"x"),
    "dot-dot": ("nvidia/../../x", b"x"),
    "backslash": ("nvidia\\..\\x", b"x"),
    "symbolic link": (special("nvidia/x", 0o120777), b"/etc/passwd"),
    "device": (special("nvidia/x", 0o020644), b""),
    "given twice": ("./ok", b"other"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_members_are_refused(case: str) -> None:
    with pytest.raises(FormatError):
        read(zipped(("ok", b"fine"), HOSTILE[case]))


def test_bomb_is_stopped_before_anything_is_unpacked() -> None:
    with pytest.raises(FormatError, match="more bytes"):
        read(zipped(("zeros", bytes(20 << 20))), limit=10 << 20)


def test_a_lie_about_the_size_gives_no_more_than_announced() -> None:
    honest = zipped(("zeros", bytes(1 << 20)))
    lie = honest.replace(struct.pack("<I", 1 << 20), struct.pack("<I", 10))
    with pytest.raises(FormatError):
        read(lie)


def test_encrypted_and_unknown_compression_are_format_errors() -> None:
    plain = bytearray(zipped(("a", b"data")))
    central = plain.index(b"PK\x01\x02")
    for flag_at, method_at, value in ((6, None, 1), (None, 8, 97)):
        bad = bytearray(plain)
        for base, shift in ((0, 0), (central, 2)):
            at = (flag_at if flag_at is not None else method_at or 0) + shift
            bad[base + at] = value
        with pytest.raises(FormatError):
            read(bytes(bad))


@pytest.mark.tools
def test_cut_off_anywhere_is_an_error(wheel: Path) -> None:
    whole = wheel.read_bytes()
    for size in (0, 1, 30, 1000, len(whole) // 2, len(whole) - 100, len(whole) - 1):
        with pytest.raises(FormatError):
            read(whole[:size])


def test_a_member_without_a_name_is_an_error() -> None:
    data = zipped(("a", b"content"))
    for at in (data.index(b"PK\x03\x04") + 30, data.index(b"PK\x01\x02") + 46):
        data = data[:at] + b"\0" + data[at + 1 :]
    with pytest.raises(FormatError):
        read(data)


def test_a_changed_byte_is_an_error() -> None:
    data = bytearray(zipped(("a", b"some content"), method=zipfile.ZIP_STORED))
    data[data.index(b"some")] ^= 1
    with pytest.raises(FormatError, match="a: damaged"):
        read(bytes(data))


@pytest.mark.parametrize("names", [(), ("a.dist-info/METADATA", "b.dist-info/METADATA"), ("x/a.dist-info/METADATA",)])
def test_not_exactly_one_metadata_is_an_error(names: tuple[str, ...]) -> None:
    with pytest.raises(FormatError, match="METADATA"):
        read_metadata(io.BytesIO(zipped(*((name, b"x") for name in names), ("z", b""))))
