"""Our own writer of small debs, read by the real dpkg-deb and by our reader."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from simulator.process import run

from cudepot.errors import FormatError
from cudepot.formats.deb import read_control, read_deb
from cudepot.formats.deb_write import write_deb

FIELDS = {
    "Package": "acme-archive-keyring", "Version": "1.3", "Architecture": "all",
    "Maintainer": "acme <x@acme.invalid>", "Description": "short\nlong line",
}  # fmt: skip
FILES = {"usr/share/keyrings/acme.gpg": b"\x99key", "etc/apt/sources.list.d/acme.sources": b"Types: deb\n"}
SCRIPTS = {"preinst": "#!/bin/sh\nexit 0\n"}


def deb(**more: dict[str, bytes]) -> bytes:
    return write_deb(FIELDS, more.get("files", FILES), scripts=SCRIPTS, epoch=1577836800)


@pytest.mark.tools
def test_dpkg_deb_reads_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "x.deb"
    path.write_bytes(deb())
    fields = run("dpkg-deb", "--field", path).stdout
    assert fields.splitlines()[:3] == ["Package: acme-archive-keyring", "Version: 1.3", "Architecture: all"]
    assert fields.endswith("Installed-Size: 2\nDescription: short\n long line\n")
    listing = run("dpkg-deb", "--contents", path).stdout
    assert "drwxr-xr-x root/root         0 2020-01-01 00:00 ./etc/apt/sources.list.d/" in listing
    assert "-rw-r--r-- root/root         4 2020-01-01 00:00 ./usr/share/keyrings/acme.gpg" in listing
    run("dpkg-deb", "--control", path, tmp_path / "control")
    assert (tmp_path / "control/conffiles").read_text() == "/etc/apt/sources.list.d/acme.sources\n"
    assert (tmp_path / "control/preinst").stat().st_mode & 0o111
    run("dpkg-deb", "--extract", path, tmp_path / "tree")
    for name, data in FILES.items():
        assert (tmp_path / "tree" / name).read_bytes() == data
    run("md5sum", "--check", "--quiet", tmp_path / "control/md5sums", cwd=tmp_path / "tree")


def test_our_reader_reads_it_and_equal_content_gives_equal_bytes() -> None:
    found = {member.name: content.read() for member, content in read_deb(io.BytesIO(deb())) if content}
    assert found == FILES
    assert read_control(io.BytesIO(deb())).startswith(b"Package: acme-archive-keyring\n")
    assert deb() == deb(files=dict(reversed(FILES.items())))
    assert deb() == deb()


def test_odd_sizes_are_padded() -> None:
    for size in range(4):
        data = deb(files={"a": b"x" * size})
        assert [member.name for member, _ in read_deb(io.BytesIO(data))] == ["a"]


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x"])
def test_paths_that_leave_the_root_are_refused(name: str) -> None:
    with pytest.raises(FormatError):
        deb(files={name: b""})
