"""rpms: real ones of every compression made by rpmbuild, and payloads that are hostile or damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
from collections.abc import Callable
from typing import BinaryIO, cast

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from simulator.process import clean_env, run
from tests.formats.test_archive import Unseekable

from cudepot.digest import hexdigest
from cudepot.errors import FormatError
from cudepot.formats.members import Member
from cudepot.formats.rpm import read_rpm
from cudepot.formats.rpm_header import LEAD, LEAD_SIZE, MAGIC

REAL = {"w9.gzdio": "gzip", "w6.bzdio": "bzip2", "w2.xzdio": "xz", "w3.zstdio": "zstd", "w.ufdio": "none"}
_SPEC = """Name: libcudnn8
Version: 8.0.5.39
Release: 1.cuda11.1
Summary: cuDNN runtime libraries
License: Proprietary
%define _build_id_links none
%description
A stand-in.
%install
mkdir -p %{buildroot}/usr/lib64 %{buildroot}/usr/share/empty
head -c 300000 /dev/zero | tr '\\0' 'e' > %{buildroot}/usr/lib64/libcudnn.so.8.0.5
chmod 755 %{buildroot}/usr/lib64/libcudnn.so.8.0.5
ln -s libcudnn.so.8.0.5 %{buildroot}/usr/lib64/libcudnn.so.8
printf 'text' > %{buildroot}/usr/share/one
ln %{buildroot}/usr/share/one %{buildroot}/usr/share/two
ln %{buildroot}/usr/share/one %{buildroot}/usr/share/three
: > %{buildroot}/usr/share/nothing
%files
/usr/lib64/libcudnn.so.8*
/usr/share/one
/usr/share/two
/usr/share/three
/usr/share/nothing
%dir /usr/share/empty
"""

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}


def read(data: bytes, limit: int = 1 << 30) -> list[tuple[Member, bytes | None]]:
    stream = cast(BinaryIO, io.BufferedReader(Unseekable(data)))
    found = [(member, content.read() if content else None) for member, content in read_rpm(stream, limit=limit)]
    assert stream.read() == b""
    return found


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One rpm for each compression, made by the real rpmbuild."""
    made = {}
    for macro, name in REAL.items():
        top = tmp_path_factory.mktemp(name)
        (top / "x.spec").write_text(_SPEC)
        defined = ("--define", f"_topdir {top}", "--define", f"_binary_payload {macro}")
        run("rpmbuild", "-bb", "--quiet", "--target", "x86_64", *defined, top / "x.spec", env=clean_env())
        made[name] = next((top / "RPMS").rglob("*.rpm")).read_bytes()
    return made


@pytest.mark.tools
@pytest.mark.parametrize("name", REAL.values())
def test_reads_what_rpmbuild_packs(real: dict[str, bytes], name: str) -> None:
    found = dict(read(real[name]))
    assert len(found) == 6
    assert found[Member("usr/lib64/libcudnn.so.8.0.5", 300_000, executable=True)] == b"e" * 300_000
    assert found[Member("usr/lib64/libcudnn.so.8", 0, link="libcudnn.so.8.0.5")] is None
    assert found[Member("usr/share/nothing", 0)] == b""
    texts = [member for member, data in found.items() if data == b"text"]
    links = {member.link for member in found if member.name in ("usr/share/one", "usr/share/two", "usr/share/three")}
    assert len(texts) == 1, "a file of three names has its content once"
    assert links == {"", texts[0].name.rpartition("/")[2]}


@pytest.mark.tools
def test_members_that_nobody_reads_are_skipped(real: dict[str, bytes]) -> None:
    assert len([member.name for member, _ in read_rpm(io.BytesIO(real["xz"]))]) == 6


@pytest.mark.tools
@pytest.mark.parametrize("name", REAL.values())
def test_a_cut_or_changed_payload_is_an_error(real: dict[str, bytes], name: str) -> None:
    whole = real[name]
    for size in (0, 50, 96, 200, len(whole) // 2, len(whole) - 40, len(whole) - 1):
        with pytest.raises(FormatError):
            read(whole[:size])
    for place in (3, 40, len(whole) - 60, len(whole) - 3):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        if place == 40:  # nothing looks at the rest of the lead
            assert read(bytes(changed)) == read(whole)
            continue
        with pytest.raises(FormatError):
            read(bytes(changed))


@pytest.mark.tools
def test_bytes_behind_the_payload_are_noticed(real: dict[str, bytes]) -> None:
    with pytest.raises(FormatError, match="does not match its header"):
        read(real["gzip"] + b"\0" * 8)


def header(tags: dict[int, bytes]) -> bytes:
    """A header of string tags."""
    entries, data = b"", b""
    for tag, text in sorted(tags.items()):
        entries += struct.pack(">IIII", tag, 6, len(data), 1)
        data += text + b"\0"
    return MAGIC + struct.pack(">II", len(tags), len(data)) + entries + data


def rpm(payload: bytes, compressor: str = "gzip", *, digest: bool = False, form: str = "cpio") -> bytes:
    """An rpm with the least a reader needs, which calls itself a cuDNN's."""
    tags = {1000: b"libcudnn8", 1001: b"8.0.5.39", 1002: b"1.cuda11.1", 1022: b"x86_64", 1044: b"cudnn.src.rpm"}
    tags |= {1124: form.encode(), 1125: compressor.encode()}
    if digest:
        tags[5092] = hexdigest(payload).encode()
    signature = header({269: b"0"})
    return LEAD.ljust(LEAD_SIZE, b"\0") + signature + b"\0" * (-len(signature) % 8) + header(tags) + payload


def entry(name: str, data: bytes = b"", mode: int = 0o100644, links: int = 1, inode: int = 1, **fields: int) -> bytes:
    size, length = fields.get("size", len(data)), fields.get("length", len(name.encode()) + 1)
    numbers = (inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, length, 0)
    head = b"070701" + b"".join(b"%08x" % one for one in numbers) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def cpio(*entries: bytes) -> bytes:
    return b"".join(entries) + entry("TRAILER!!!")


def test_the_made_up_rpms_are_read_like_real_ones() -> None:
    data = cpio(entry("./usr", mode=0o040755), entry("./usr/x", b"text", mode=0o100755), entry("usr//y", b"12345"))
    for name, pack in PACKERS.items():
        found = [(Member("usr/x", 4, executable=True), b"text"), (Member("usr/y", 5), b"12345")]
        assert read(rpm(pack(data), name, digest=True)) == found


HOSTILE = {
    "absolute": entry("/etc/passwd", b"x"),
    "dot-dot": entry("usr/../../x", b"x"),
    "control character": entry("usr/a\nb", b"x"),
    "backslash": entry("usr\\x", b"x"),
    "absolute link": entry("usr/x", b"/etc/passwd", 0o120777),
    "link out": entry("usr/x", b"../../etc/passwd", 0o120777),
    "empty link": entry("usr/x", b"", 0o120777),
    "endless link": entry("usr/x", b"x" * 5000, 0o120777),
    "device": entry("usr/x", mode=0o020644),
    "block device": entry("usr/x", mode=0o060644),
    "fifo": entry("usr/x", mode=0o010644),
    "socket": entry("usr/x", mode=0o140644),
    "no kind": entry("usr/x", mode=0o000644),
    "twice": entry("ok", b"other"),
    "twice, written otherwise": entry(".//ok", b"other"),
    "huge": entry("usr/x", size=0xFFFFFFFF),
    "hard link to nothing": entry("usr/x", links=2, inode=7),
    "long name": entry("usr/x", length=1 << 20),
    "no name": entry("", length=0),
    "other cpio": b"070707" + entry("usr/x")[6:],
    "signs in numbers": entry("usr/x").replace(b"00000000", b"+0000000", 1),
    "blanks in numbers": entry("usr/x").replace(b"00000000", b" 0000000", 1),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_payloads_are_refused(case: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(rpm(gzip.compress(cpio(entry("ok", b"fine"), HOSTILE[case]))))
    named = {"absolute": "/etc/passwd", "device": "usr/x", "link out": "usr/x", "twice": "'ok' appears twice"}
    assert named.get(case, "") in str(caught.value)


def test_hard_links_before_their_content_are_links_to_it() -> None:
    one, two = entry("a/x.h", links=2, inode=9), entry("b/x_v8.h", b"text", links=2, inode=9)
    assert read(rpm(gzip.compress(cpio(one, two)))) == [
        (Member("b/x_v8.h", 4), b"text"),
        (Member("a/x.h", 0, link="../b/x_v8.h"), None),
    ]


def test_an_empty_file_with_two_names_is_no_damage() -> None:
    one, two = entry("a", links=2, inode=9), entry("b", links=2, inode=9)
    assert [member.link for member, _ in read(rpm(gzip.compress(cpio(one, two))))] == ["", "b"]


@pytest.mark.parametrize("name", PACKERS)
def test_bombs_are_stopped_at_the_limit(name: str) -> None:
    bomb = rpm(PACKERS[name](cpio(entry("zeros", bytes(12 << 20)))), name)
    with pytest.raises(FormatError, match=r"zeros|more bytes"):
        read(bomb, limit=4 << 20)
    behind = rpm(PACKERS[name](cpio(entry("ok", b"x")) + bytes(12 << 20)), name)
    with pytest.raises(FormatError, match="more bytes than allowed"):
        read(behind, limit=4 << 20)


def test_a_compression_that_is_not_the_claimed_one_is_refused() -> None:
    data = cpio(entry("ok", b"fine"))
    with pytest.raises(FormatError, match="compression is gzip, but xz is claimed"):
        read(rpm(gzip.compress(data), "xz"))
    with pytest.raises(FormatError, match="compression is none, but gzip is claimed"):
        read(rpm(data))
    for compressor, form in (("lzma", "cpio"), ("gzip", "drpm"), ("none", "cpio")):
        with pytest.raises(FormatError, match="a payload of"):
            read(rpm(gzip.compress(data), compressor, form=form))


@pytest.mark.parametrize("name", PACKERS)
def test_cut_off_anywhere_is_an_error(name: str) -> None:
    plain = cpio(entry("ok", b"fine" * 50))
    for size in range(0, len(plain) - 1, 13):
        with pytest.raises(FormatError):
            read(rpm(PACKERS[name](plain[:size]), name))
    packed = PACKERS[name](plain)
    for size in range(0, len(packed) - 5, 7):
        with pytest.raises(FormatError):
            read(rpm(packed[:size], name))


@given(st.data())
def test_no_damage_gives_anything_but_a_format_error(data: st.DataObject) -> None:
    whole = bytearray(
        cpio(entry("a/ok", b"fine"), entry("a/x", links=2, inode=5), entry("a/y", b"1", links=2, inode=5))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read(rpm(gzip.compress(bytes(whole))), limit=1 << 20)
    except FormatError:
        return
    for member, _ in found:
        assert not member.name.startswith(("/", "../"))


@given(st.binary(max_size=400))
def test_garbage_is_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        read(rpm(gzip.compress(data)))
