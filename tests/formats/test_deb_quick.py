"""The short way to a deb's control text: taken for what dpkg makes, and never with another answer than the long way."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from simulator.process import clean_env, run
from tests.formats.test_archive import PACKERS, entry, tar_of
from tests.formats.test_deb import ar

from cudepot.errors import FormatError
from cudepot.formats import deb
from cudepot.formats.deb_quick import HEAD, quick_control

CONTROL = b"Package: x\nVersion: 1\n"
TAR = tar_of(
    entry("./", type=tarfile.DIRTYPE),
    entry("./conffiles", b"/etc/x\n"),
    entry("./control", CONTROL),
    entry("./postinst"),
)


def package(tar: bytes, form: str = "gz", **more: bytes) -> bytes:
    name = "control.tar" if form == "plain" else f"control.tar.{form}"
    return ar(("debian-binary", b"2.0\n"), (name, PACKERS[form](tar)), ("data.tar", tar_of()), *more.items())


def long_way(data: bytes) -> bytes | None:
    try:
        return deb._slow_control(io.BytesIO(data), "deb")
    except FormatError:
        return None


@pytest.mark.tools
@pytest.mark.parametrize("form", ["gzip", "xz"])
def test_what_dpkg_makes_goes_the_short_way(tmp_path: Path, form: str) -> None:
    (tmp_path / "tree/DEBIAN").mkdir(parents=True)
    (tmp_path / "tree/x").write_bytes(b"x" * 5000)
    text = "Package: acme\nVersion: 1-1\nArchitecture: all\nMaintainer: a <a@acme.invalid>\nDescription: short\n long\n"
    (tmp_path / "tree/DEBIAN/control").write_text(text)
    (tmp_path / "tree/DEBIAN/conffiles").write_text("/x\n")
    run(
        "dpkg-deb", "--root-owner-group", f"-Z{form}", "--build", tmp_path / "tree", tmp_path / "x.deb", env=clean_env()
    )
    whole = (tmp_path / "x.deb").read_bytes()
    assert quick_control(whole[:HEAD]) == text.encode() == deb.read_control(io.BytesIO(whole)) == long_way(whole)


@pytest.mark.parametrize("form", sorted(PACKERS))
def test_either_way_the_text_is_read(form: str) -> None:
    whole = package(TAR, form)
    assert quick_control(whole) == (CONTROL if form in ("gz", "xz") else None)
    assert deb.read_control(io.BytesIO(whole)) == CONTROL


LONG = {
    "a member longer than the head": tar_of(entry("./control", bytes(range(256)) * 4096)),
    "a link first": tar_of(entry("./x", type=tarfile.SYMTYPE, linkname="/etc"), entry("./control", CONTROL)),
    "a name twice": tar_of(entry("./a", b"1"), entry("./a", b"2"), entry("./control", CONTROL)),
    "a name that leaves": tar_of(entry("../a", b"1"), entry("./control", CONTROL)),
    "a folder called control": tar_of(entry("./control", type=tarfile.DIRTYPE)),
    "no control": tar_of(entry("./md5sums", b"x")),
    "cut off": TAR[:1700],
    "nothing": b"",
}


@pytest.mark.parametrize("case", LONG)
def test_what_is_unusual_is_left_to_the_long_way(case: str) -> None:
    assert quick_control(package(LONG[case])[:HEAD]) is None


@pytest.mark.parametrize("form", ["gz", "xz"])
def test_damage_anywhere_is_left_to_the_long_way(form: str) -> None:
    packed = PACKERS[form](TAR)
    whole = package(TAR, form)
    start = whole.index(packed)
    for at in range(start, start + len(packed)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        assert quick_control(bytes(damaged)) in (None, long_way(bytes(damaged)))
        assert quick_control(whole[:at]) is None


@given(st.lists(st.tuples(st.integers(0, len(TAR) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@example([(156, ord("L"))])
@example([(345, ord("x"))])
@example([(1024 + 124, 0x80)])
def test_no_header_is_read_otherwise_than_on_the_long_way(changes: list[tuple[int, int]]) -> None:
    tar = bytearray(TAR)
    for at, value in changes:
        tar[at] = value
    for at in range(0, 512 * 5, 512):  # checksums that hold, so that the other fields decide
        block = tar[at : at + 512]
        tar[at + 148 : at + 156] = f"{sum(block) - sum(block[148:156]) + 256:06o}\0 ".encode()
    found = quick_control(package(bytes(tar)))
    assert found is None or found == long_way(package(bytes(tar)))


@given(st.integers(0, 131), st.integers(0, 255))
def test_no_ar_header_is_read_otherwise_than_on_the_long_way(at: int, value: int) -> None:
    whole = bytearray(package(TAR))
    whole[at] = value
    found = quick_control(bytes(whole))
    assert found is None or found == long_way(bytes(whole))
