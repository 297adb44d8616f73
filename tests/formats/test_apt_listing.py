"""An index read as a stream: the same packages as the full parser finds, wherever the pieces are cut."""

from __future__ import annotations

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.apt import PackageIndex
from cudepot.formats.apt_listing import listing

SHA = "ab" * 32
GOOD = f"Package: a\nVersion: 1\nArchitecture: amd64\nFilename: ./a.deb\nSize: 7\nSHA256: {SHA}\n"


class Trickle(io.RawIOBase):
    """Gives at most ``step`` bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__()
        self._data, self._step = io.BytesIO(data), step

    def read(self, size: int = -1) -> bytes:
        """Give a few bytes."""
        return self._data.read(self._step)


def names(text: str) -> list[tuple[str, object]]:
    return list(listing(io.BytesIO(text.encode()), "Packages"))


@given(
    st.lists(st.tuples(st.integers(0, 99), st.sampled_from(["", "./", "pool//x/"])), max_size=9),
    st.sampled_from(["\n", "\n\n\n", "\r\n", "\r\n\n\r\r\n"]),
    st.integers(1, 40),
)
def test_it_finds_what_the_full_parser_finds(entries: list[tuple[int, str]], gap: str, step: int) -> None:
    text = gap.join(
        f"Package: p{n}\nVersion: {n}\nArchitecture: all\nInstalled-Size: 9\nFilename: {folder}p{n}.deb\nSize: {n}\n"
        f"Description: of\n Size: 3\n Filename: no\nSHA256: {n:064x}\n"
        for n, folder in entries
    )
    found = list(listing(Trickle(text.encode(), step), "Packages"))  # type: ignore[arg-type]
    index = PackageIndex(text.encode(), "Packages")
    full = sorted((one.filename, one.digest) for name in index.names() for one in index.named(name))
    assert sorted(found) == full
    assert [digest.size for _, digest in found] == [n for n, _ in entries]


def test_field_names_may_be_written_otherwise_and_lines_may_end_in_blanks() -> None:
    assert names(GOOD.replace("SHA256", "sha256").replace("7", "7 \r")) == [("a.deb", Digest(SHA, 7))]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("Size: 7\n", "", "no usable Size"),
        ("Size: 7", "Size: -7", "no usable Size"),
        ("Size: 7", "Size: " + "9" * 19, "no usable Size"),
        (SHA, "xyz", "lower-case"),
        (SHA, SHA.upper(), "lower-case"),
        (SHA, SHA[2:], "not a sha256"),
        ("Package: a\n", "", "no Package field"),
        ("Package: a\n", "nonsense\nPackage: a\n", "no Package field"),
        ("./a.deb", "../a.deb", "leaves its folder"),
        ("./a.deb", "/etc/a.deb", "unsafe path"),
        ("./a.deb", "a\x01.deb", "unsafe path"),
    ],
)
def test_what_cannot_be_mirrored_is_named(old: str, new: str, error: str) -> None:
    with pytest.raises(FormatError, match=error) as caught:
        names(GOOD + "\n" + GOOD.replace(old, new))
    assert "Packages, stanza 2" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Size: 7\n", "Size: 8\nSize: 7\n"),
        ("Size: 7\n", "size:\t7  \r\n"),
        ("Size: 7\n", "Size :\n 7\n"),
        ("Size: 7\n", "Size: 7\nDescription: of\n \n\t\n more\n"),
        ("Filename", "\rFILENAME"),
        ("Version: 1\n", "Version: 1\nMaintainer: J\udcf6rg\n"),
        ("Size: 7\n", "Size: 7\nnonsense\nMore: of it\n"),
    ],
)
def test_what_is_written_oddly_is_read_as_apt_reads_it(old: str, new: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new).encode(errors="surrogateescape")
    assert list(listing(io.BytesIO(text), "Packages")) == [("a.deb", Digest(SHA, 7))]
    assert [one.digest for one in PackageIndex(text, "Packages").named("a")] == [Digest(SHA, 7)]


@pytest.mark.parametrize("lost", ["Version: 1\n", "Filename: ./a.deb\n"])
def test_what_apt_can_not_fetch_is_passed_over(lost: str) -> None:
    assert names(GOOD.replace(lost, "")) == []


def test_weak_sums_tell_nothing() -> None:
    assert names(GOOD.replace(f"SHA256: {SHA}", "MD5sum: 00")) == [("a.deb", None)]


def test_a_stanza_without_end_is_refused() -> None:
    with pytest.raises(FormatError, match="a stanza of more than"):
        names("Package: a\n" + "X: y\n" * (5 << 20))


def test_memory_does_not_grow_with_the_index() -> None:
    text = ("\n".join(GOOD.replace("a.deb", f"{n}.deb") + f"Tag: {'x' * 900}\n" for n in range(8_000))).encode()
    tracemalloc.start()
    count = sum(1 for _ in listing(io.BytesIO(text), "Packages"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 8_000
    assert peak < 6 << 20 < len(text)
