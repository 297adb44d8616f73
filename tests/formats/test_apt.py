"""Release files, Packages indexes and relations: what is written is read back, what is malformed is refused."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.apt import PackageIndex, Relation, parse_package, parse_relations, render_packages, render_stanza
from cudepot.formats.apt_release import parse_release, render_release
from cudepot.formats.deb822 import parse_stanza

HASH = "ab" * 32
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f\x85\xa0"), max_size=12)
LINE = st.lists(WORDS.filter(bool), min_size=1, max_size=3).map(" ".join)
VALUE = st.lists(LINE, min_size=1, max_size=3).map("\n".join)
NAME = st.text("abc019-", max_size=10).map("X-Q{}".format)


def package(**fields: str) -> bytes:
    """Return a stanza; a field given as an empty text is left out."""
    full = {"Package": "a", "Version": "1", "Architecture": "amd64", "Filename": "./a.deb", "Size": "3", "SHA256": HASH}
    return render_stanza({name: text for name, text in (full | fields).items() if text})


@given(st.dictionaries(NAME, VALUE, max_size=6))
def test_stanzas_are_read_back_as_written(fields: dict[str, str]) -> None:
    assert parse_stanza(render_stanza(fields), "x") == fields


@given(st.lists(st.dictionaries(NAME, VALUE, min_size=1, max_size=3), max_size=4))
def test_indexes_are_read_back_as_written(stanzas: list[dict[str, str]]) -> None:
    named = [{"Package": f"p{number}", **one, "Z": "x"} for number, one in enumerate(stanzas)]
    for one in named:
        one["Package"] = one["Package"].split("\n")[0].strip()
    index = PackageIndex(render_packages(named), "x")
    assert len(index) == len(named)
    assert set(index.names()) == {one["Package"] for one in named}


@given(
    st.dictionaries(NAME, LINE, max_size=3),
    st.dictionaries(st.sampled_from(["a", "b/c", "d+e"]), st.binary(max_size=9)),
)
def test_releases_are_read_back_as_written(fields: dict[str, str], files: dict[str, bytes]) -> None:
    fields = {name: text for name, text in fields.items() if name != "SHA256"}
    found = parse_release(render_release(fields, files, {"SHA256": "sha256"}), "x")
    assert {name: text for name, text in found.fields.items() if name != "SHA256"} == fields
    assert found.files == {path: Digest.of(data) for path, data in files.items()}


def test_a_release_as_nvidia_writes_it() -> None:
    head = "Origin: NVIDIA\nDate: Fri, 06 Nov 2020 10:00:00 +0100\nMD5Sum:\n x 1 Packages\n"
    text = f"{head}SHA256:\n {HASH}   7 Packages\n"
    found = parse_release(text.encode(), "x")
    assert found.files == {"Packages": Digest(HASH, 7)}
    assert found.date() == datetime.datetime(2020, 11, 6, 9, tzinfo=datetime.UTC)
    assert found.valid_until() is None


@pytest.mark.parametrize(
    "text",
    [
        b"Origin: x\n",
        f"SHA256:\n {HASH} 1\n".encode(),
        f"SHA256:\n {HASH} 1 a b\n".encode(),
        f"\nSHA256:\n {HASH} 1 a\n".encode(),
        f"Origin: x\n\nSHA256:\n {HASH} 1 a\n".encode(),
        b"no field at all\nSHA256:\n",
        b"\xff\xfe",
    ],
)
def test_malformed_releases_are_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        parse_release(text, "x")


@pytest.mark.parametrize(
    "entry", ["nonsense 1 b", f"{HASH} x b", f"{HASH} ² b", f"{HASH} 1 ../b", f"{HASH} 1 /b", f"{HASH} 1 ./b", "00 1 b"]
)
def test_entries_that_mean_nothing_to_apt_are_left_out(entry: str) -> None:
    found = parse_release(f"SHA256:\n {entry}\n {HASH} 1 a\n {'0' * 64} 2 a\n".encode(), "x")
    assert found.files == {"a": Digest(HASH, 1)}, "of two entries the first counts"


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(FormatError, match="Date is not a date"):
        parse_release(b"Date: yesterday\nSHA256:\n", "x").date()


@pytest.mark.parametrize("name", ["Package", "Version", "Architecture", "Filename", "Size", "SHA256"])
def test_a_stanza_without_what_installing_needs_is_refused(name: str) -> None:
    with pytest.raises(FormatError):
        parse_package(package(**{name: ""}), "x")


@pytest.mark.parametrize(
    ("name", "text"),
    [("Size", "-1"), ("Size", "²"), ("Size", "1.5"), ("SHA256", "00"), ("Filename", "../../etc/x"), ("Version", "a b")],
)
def test_a_stanza_with_nonsense_is_refused(name: str, text: str) -> None:
    with pytest.raises(FormatError):
        parse_package(package(**{name: text}), "x")


def test_an_index_parses_only_what_is_asked_for() -> None:
    text = b"\n".join([package(Package="good"), package(Package="bad", Size="x")])
    index = PackageIndex(text, "x")
    assert [one.name for one in index.named("good")] == ["good"]
    with pytest.raises(FormatError, match="x, stanza 2"):
        index.named("bad")


def test_an_index_keeps_duplicates_in_order_and_finds_providers() -> None:
    texts = [package(Version="2"), package(Version="1"), package(Package="b", Provides="virtual (= 3),\n a, other")]
    index = PackageIndex(b"\n\n\r\n\n".join(texts), "x")
    assert [one.version for one in index.named("a")] == ["2", "1"]
    assert [one.name for one in index.providing("virtual")] == ["b"]
    assert [one.name for one in index.providing("a")] == ["b"]
    assert "virtual" in index
    assert "absent" not in index
    assert [index.order(one) for one in index.named("a")] == [0, 1]
    assert index.named("b")[0].provides()[0] == Relation("virtual", "=", "3")


def test_a_stanza_without_a_name_is_refused() -> None:
    with pytest.raises(FormatError, match="stanza 1: no Package field"):
        PackageIndex(b"Version: 1\n", "x")


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("", []),
        ("a", [["a"]]),
        ("a (>= 1.0), b | c (<< 2:3~)", [["a (>= 1.0)"], ["b", "c (<< 2:3~)"]]),
        ("libc6:any (>=2.17) [amd64 i386] <!nocheck>,\n zlib1g", [["libc6:any (>= 2.17)"], ["zlib1g"]]),
        ("libstdc++6 ( = 4 ) , g++-9", [["libstdc++6 (= 4)"], ["g++-9"]]),
        ("a (> 1), b (< 2),", [["a (> 1)"], ["b (< 2)"]]),
        ("a (1.0)", [["a (= 1.0)"]]),
    ],
)
def test_relations(text: str, groups: list[list[str]]) -> None:
    assert [[str(one) for one in group] for group in parse_relations(text)] == groups


@pytest.mark.parametrize("text", ["A", "a (>= )", "a |", "a b", "a (= 1", "${misc:Depends}"])
def test_malformed_relations_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_relations(text)


def test_what_excludes_other_packages_is_told_with_its_field() -> None:
    one = parse_package(package(Conflicts="b, c:i386 (<< 2)", Breaks="d", **{"Multi-Arch": "Same"}), "x")
    assert [(name, str(each)) for name, each in one.excludes()] == [
        ("Conflicts", "b"), ("Conflicts", "c:i386 (<< 2)"), ("Breaks", "d"),
    ]  # fmt: skip
    assert one.multi_arch == "same"
    assert parse_package(package(), "x").multi_arch == "no"


def test_pre_depends_come_first() -> None:
    one = parse_package(package(Depends="b", **{"Pre-Depends": "c"}), "x")
    assert [[str(each) for each in group] for group in one.depends()] == [["c"], ["b"]]


def test_a_line_without_a_colon_costs_no_date() -> None:
    text = f"Origin: x\nDescription: one\nnot indented\nDate: Fri, 06 Nov 2020 10:00:00 GMT\nSHA256:\n {HASH} 1 a\n"
    found = parse_release(text.encode(), "x")
    assert found.date() == datetime.datetime(2020, 11, 6, 10, tzinfo=datetime.UTC)
    assert found.files == {"a": Digest(HASH, 1)}


@pytest.mark.parametrize(("word", "offered"), [("yes", True), ("YES", True), ("true", True), ("no", False)])
def test_by_hash_is_offered_in_the_words_apt_knows(word: str, offered: bool) -> None:
    text = f"Acquire-By-Hash: {word}\nSHA256:\n {HASH} 1 a\n"
    assert parse_release(text.encode(), "x").is_by_hash is offered


def test_two_contents_of_one_version_are_told() -> None:
    index = PackageIndex(package() + b"\n" + package(SHA256="0" * 64) + b"\n" + package(Version="2"), "x")
    first, second, other = index.named("a")
    assert (index.rival(first), index.rival(second), index.rival(other)) == (second, first, None)


def test_thousands_of_versions_of_one_name_are_looked_at_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for a rival of each must not read all the others again (H3)."""
    stanza = "Package: lib\nVersion: {0}\nArchitecture: amd64\nFilename: lib_{0}.deb\nSize: 1\nSHA256: {1}\n"
    text = "\n".join(stanza.format(number, "a" * 64) for number in range(1000)).encode()
    index, asked = PackageIndex(text, "Packages"), []
    parse = PackageIndex._parse
    monkeypatch.setattr(PackageIndex, "_parse", lambda *words: asked.append(1) or parse(*words))
    assert [index.rival(one) for one in index.named("lib")] == [None] * 1000
    assert len(asked) <= 2000
