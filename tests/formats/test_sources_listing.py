"""Sources indexes: every file by its hash, nothing outside the repository."""

from __future__ import annotations

import io

import pytest

from cudepot.digest import Digest, Promise
from cudepot.errors import FormatError
from cudepot.formats.sources_listing import sources_listing

SHA, LONG = "a" * 64, "b" * 128


def listed(text: str) -> list[tuple[str, Digest | Promise]]:
    return list(sources_listing(io.BytesIO(text.encode()), "Sources"))


def stanza(folder: str = "pool/h", field: str = "Checksums-Sha256", line: str = f" {SHA} 5 h_1.dsc") -> str:
    return f"Package: h\nFiles:\n d41d8cd98f00b204e9800998ecf8427e 5 h_1.dsc\nDirectory: {folder}\n{field}:\n{line}\n"


def test_every_file_of_every_stanza_lies_in_its_directory() -> None:
    text = stanza(line=f" {SHA} 5 h_1.dsc\n {SHA} 6 h_1.tar.xz") + "\n" + stanza("./pool//x/")
    names = ["pool/h/h_1.dsc", "pool/h/h_1.tar.xz", "pool/x/h_1.dsc"]
    assert [path for path, _ in listed(text)] == names
    assert listed(text)[1][1] == Digest(SHA, 6)


@pytest.mark.parametrize("folder", ["", "."])
def test_a_flat_repository_has_them_beside_the_index(folder: str) -> None:
    assert listed(stanza(folder)) == [("h_1.dsc", Digest(SHA, 5))]


def test_sha512_stands_in_where_there_is_no_sha256() -> None:
    both = stanza(field="Checksums-Sha512", line=f" {LONG} 5 h_1.dsc")
    assert listed(both) == [("pool/h/h_1.dsc", Promise(LONG, 5))]
    assert listed(both + f"Checksums-Sha256:\n {SHA} 5 h_1.dsc\n") == [("pool/h/h_1.dsc", Digest(SHA, 5))]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Package: h\nDirectory: pool\nFiles:\n d41d8cd98f00b204e9800998ecf8427e 5 h.dsc\n", "are needed"),
        (stanza("../../etc"), "leaves its folder"),
        (stanza("/etc"), "unsafe path"),
        (stanza(line=f" {SHA} 5 ../x"), "bad line"),
        (stanza(line=f" {SHA} five h_1.dsc"), "bad line"),
        (stanza(line=f" {SHA} 5"), "bad line"),
        (stanza(line=" abc 5 h_1.dsc"), "not a sha256"),
    ],
)
def test_what_cannot_be_mirrored_is_refused_by_its_stanza(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=f"Sources, stanza 1: .*{reason}"):
        listed(text)


def test_the_last_of_equal_fields_counts_and_white_space_ends_nothing() -> None:
    text = stanza().replace("Directory:", "Comment: odd\n \n more\nDirectory: other\nDIRECTORY :")
    assert listed(text) == [("pool/h/h_1.dsc", Digest(SHA, 5))]
