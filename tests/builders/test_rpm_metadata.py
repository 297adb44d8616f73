"""How an rpm that no repository describes is described: as createrepo_c does it of the whole file, but for its time."""

from __future__ import annotations

import io
import re
from pathlib import Path

import createrepo_c
import pytest
from simulator.cudnn import CudnnRelease
from simulator.rpms import cudnn_rpms, write_rpm

from cudepot.builders.rpm_metadata import entries_of
from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.rpm_header import read_head


def described(path: Path) -> tuple[str, ...]:
    """What createrepo_c says of the file itself."""
    package = createrepo_c.package_from_rpm(str(path), location_href=path.name, changelog_limit=10)
    return tuple(createrepo_c.xml_dump(package)[:3])


def test_the_head_alone_gives_what_the_whole_file_does(tmp_path: Path) -> None:
    for path in (write_rpm(one, tmp_path) for one in cudnn_rpms(CudnnRelease("8.0.5.39", "11.1"))):
        data = path.read_bytes()
        head = read_head(io.BytesIO(data), what=path.name)
        found = entries_of(data[: head.payload], Digest.of(data), path.name)
        whole = described(path)
        time = re.compile(r'<time file="\d+"')
        assert [time.sub("", one.decode()) for one in found] == [time.sub("", one) for one in whole]
        assert b'<time file="1604620800" build="1604620800"/>' in found.primary


def test_a_header_that_rpm_refuses_is_told_by_the_error_alone(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FormatError, match=r"x\.rpm: rpm cannot read its header"):
        entries_of(b"\xed\xab\xee\xdb" + bytes(200), Digest.of(b""), "x.rpm")
    assert capfd.readouterr().err == ""
