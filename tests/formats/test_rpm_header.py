"""Heads of rpms: real ones made by rpmbuild and rpmsign, compared with what rpm says; and damaged ones."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.keys import KeyHome
from simulator.process import run
from tests.formats.rpm_samples import build_rpm, sign_rpm

from cudepot.errors import CudepotError, FormatError
from cudepot.formats import rpm_header
from cudepot.formats.rpm_header import MAGIC, RpmHead, read_head

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def home() -> Iterator[KeyHome]:
    with KeyHome() as one:
        yield one


@pytest.fixture(scope="module")
def rpm(home: KeyHome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    more = "Epoch: 2\nRequires: (foo if bar), /usr/bin/env"
    made = build_rpm(tmp_path_factory.mktemp("rpms"), "libcudnn8", "8.0.5.39", "1.cuda11.1", more=more)
    return sign_rpm(made, home, home.generate("cudatools"))


def head(rpm: Path) -> RpmHead:
    with rpm.open("rb") as handle:
        found = read_head(handle, what=rpm.name)
        assert handle.tell() == found.payload
    return found


def test_names_and_payload_are_what_rpm_says(rpm: Path) -> None:
    found = head(rpm)
    said = run("rpm", "-qp", "--qf", "%{NAME} %{EPOCH}:%{VERSION}-%{RELEASE} %{ARCH} %{PAYLOADDIGEST}", rpm).stdout
    assert said == f"{found.name} {found.evr} {found.architecture} {found.payload_digest[1]}"
    algorithm, digest = found.payload_digest
    assert hashlib.new(algorithm, rpm.read_bytes()[found.payload :]).hexdigest() == digest
    assert "foo" in " ".join(found.header.texts(1049))  # Requires


def test_what_is_required_in_exactly_one_version(tmp_path: Path) -> None:
    more = "Requires: a = 1.0-1, b >= 2, c = 3:4-5, d, e = 0:6, f <= 7"
    found = head(build_rpm(tmp_path, "needy", "1", more=more)).exact_requires
    assert set(found) == {("a", "1.0-1"), ("c", "3:4-5"), ("e", "6")}


def test_a_header_signature_holds_over_the_raw_header(rpm: Path, home: KeyHome, tmp_path: Path) -> None:
    found = head(rpm)
    (signature,) = found.signatures()
    (tmp_path / "sig").write_bytes(signature)
    (tmp_path / "raw").write_bytes(found.header.raw)
    home.gpg("--verify", str(tmp_path / "sig"), str(tmp_path / "raw"))


def test_an_unsigned_rpm_has_no_signature_and_a_noarch_one_says_so(tmp_path: Path) -> None:
    found = head(build_rpm(tmp_path, "plain", "1", arch="noarch", more="BuildArch: noarch"))
    assert found.signatures() == ()
    assert (found.evr, found.architecture) == ("1-1", "noarch")


def test_every_cut_is_noticed(rpm: Path) -> None:
    data = rpm.read_bytes()
    end = head(rpm).payload
    for size in (0, 50, 96, 100, 112, 500, end // 2, end - 1):
        with pytest.raises(FormatError):
            read_head(io.BytesIO(data[:size]), what="cut")


def test_a_changed_header_is_noticed(rpm: Path) -> None:
    data = bytearray(rpm.read_bytes())
    at = data.index(b"8.0.5.39", 96)
    data[at] = ord("9")
    with pytest.raises(FormatError, match="digest"):
        read_head(io.BytesIO(data), what="changed")


@pytest.mark.parametrize(
    ("entries", "size", "entry"),
    [
        (1 << 20, 0, b""),
        (1, 1 << 28, b""),
        (1, 4, struct.pack(">iIiI", 1000, 6, 9, 1)),  # offset behind the data
        (1, 4, struct.pack(">iIiI", 1000, 6, -1, 1)),
        (1, 4, struct.pack(">iIiI", 1003, 4, 0, 2)),  # two numbers where one has room
        (1, 4, struct.pack(">iIiI", 1000, 8, 0, 1 << 31)),
    ],
)
def test_hostile_headers_are_refused(entries: int, size: int, entry: bytes) -> None:
    lead = rpm_header.LEAD.ljust(96, b"\0")
    data = lead + MAGIC + struct.pack(">II", entries, size) + entry + b"abcd" * 4
    with pytest.raises(FormatError):
        read_head(io.BytesIO(data), what="hostile")


def test_any_flipped_byte_of_the_head_is_an_error_or_harmless(rpm: Path) -> None:
    """Whatever is damaged, the reader fails as CudepotError or reads on: never otherwise."""
    data = rpm.read_bytes()
    end = head(rpm).payload
    for at in range(0, end, 7):
        broken = bytearray(data[:end])
        broken[at] ^= 0xFF
        try:
            found = read_head(io.BytesIO(broken), what="flipped")
            assert found.name
            assert (found.evr, found.payload_digest, found.signatures()) is not None
        except CudepotError:
            pass


def test_more_than_a_signature_in_the_signature_is_refused(rpm: Path) -> None:
    found = head(rpm)
    (packet,) = found.signatures()
    for bad in (packet + b"\xcb\x01x", packet[:-1], b"", b"\x88\x05hell", b"\xcb" + packet[1:]):
        assert not rpm_header._is_one_signature(bad)
