"""primary.xml: what createrepo_c writes, read; entries moved; and bad ones."""

from __future__ import annotations

import io
from pathlib import Path

import createrepo_c
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.process import run
from tests.formats.rpm_samples import build_rpm

from cudepot.digest import Digest, Promise
from cudepot.errors import FormatError, TrustError
from cudepot.formats.primary import (
    _OPERATORS,
    Relation,
    Rpm,
    checksum_of,
    listing,
    parse_entry,
    read_primary,
    relocated,
)
from cudepot.formats.rpm_version import evr
from cudepot.formats.xml_text import Entries

SHA = "ab" * 32
HEAD = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" packages="1">\n'
)


def entry(href: str = "x.rpm", kind: str = "sha256", value: str = SHA, name: str = "x", before: str = "") -> bytes:
    return (
        f"<package type='rpm'><name>{name}</name><arch>noarch</arch><version epoch='0' ver='1' rel='2'/>{before}"
        f'<checksum type="{kind}" pkgid="YES">{value}</checksum><size package="7" installed="1" archive="1"/>'
        f'<location href="{href}"/><format/></package>'
    ).encode()


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repo")
    more = "Epoch: 2\nRequires: (foo if bar), /usr/bin/env, libfoo >= 1:2-3\nProvides: odd = 9\nConflicts: old < 1"
    build_rpm(folder, "libcudnn8", "8.0.5.39", "1.cuda11.1", more=more)
    build_rpm(folder, "plain", "1", arch="noarch", more="BuildArch: noarch").rename(folder / "odd-name.rpm")
    run("createrepo_c", "--general-compress-type=gz", "--excludes", "*.src.rpm", folder)
    return folder


def primary(repo: Path) -> bytes:
    (found,) = (repo / "repodata").glob("*-primary.xml.gz")
    return run("zcat", found).stdout.encode()


@pytest.mark.tools
def test_what_createrepo_writes_is_read(repo: Path) -> None:
    found = {one.name: one for one in read_primary(io.BytesIO(primary(repo)), "primary")}
    cudnn, plain = found["libcudnn8"], found["plain"]
    assert cudnn.nevra == "libcudnn8-2:8.0.5.39-1.cuda11.1.x86_64"
    assert cudnn.promised == Digest.of((repo / cudnn.path).read_bytes())
    assert {"(foo if bar)", "/usr/bin/env", "libfoo >= 1:2-3"} <= {str(one) for one in cudnn.requires}
    assert Relation("odd", "=", "9") in cudnn.provides
    assert cudnn.conflicts == (Relation("old", "<", "1"),)
    assert (plain.path, plain.architecture) == ("odd-name.rpm", "noarch")


@pytest.mark.tools
def test_the_quick_list_says_the_same(repo: Path) -> None:
    slow = {(one.path, one.promised) for one in read_primary(io.BytesIO(primary(repo)), "primary")}
    assert set(listing(io.BytesIO(primary(repo)), "primary")) == slow


def test_entries_that_are_written_otherwise_are_listed_too() -> None:
    other = (
        entry().replace(b'type="sha256" pkgid="YES"', b"pkgid='YES' type='sha256'").replace(b"x.rpm", b"a&#38;b.rpm")
    )
    assert list(listing(io.BytesIO(HEAD + other), "primary")) == [("a&b.rpm", Digest(SHA, 7))]
    assert list(listing(io.BytesIO(HEAD + entry("a&amp;b.rpm")), "primary")) == [("a&b.rpm", Digest(SHA, 7))]
    assert list(listing(io.BytesIO(HEAD + entry(kind="sha", value="a" * 40)), "primary")) == [("x.rpm", None)]


def test_weak_and_other_strong_checksums() -> None:
    with pytest.raises(TrustError, match="sha only"):
        _ = parse_entry(entry(kind="sha", value="a" * 40), "primary").promised
    assert parse_entry(entry(kind="sha512", value="b" * 128), "primary").promised == Promise("b" * 128, 7)


@pytest.mark.parametrize("href", ["../../etc/passwd", "", "a/../../b", "a\\b", "/.."])
def test_a_path_that_leaves_the_repository_is_refused_when_it_is_wanted(href: str) -> None:
    rpm = parse_entry(entry(href), "primary")
    with pytest.raises(FormatError):
        _ = rpm.path
    with pytest.raises(FormatError):
        list(listing(io.BytesIO(HEAD + entry(href)), "primary"))


def test_a_package_that_lies_elsewhere_is_not_one_of_a_whole_mirror() -> None:
    for base in ("http://elsewhere/x", "ftp://elsewhere/", "./"):
        rpm = parse_entry(entry().replace(b"<location ", f'<location xml:base="{base}" '.encode()), "primary")
        with pytest.raises(FormatError):
            _ = rpm.path


@pytest.mark.parametrize(
    ("href", "base", "place"),
    [
        ("x.rpm", "", "x.rpm"),
        ("/x.rpm", "", "x.rpm"),
        ("a/../x.rpm", "", "x.rpm"),
        ("./a//x.rpm", "", "a/x.rpm"),
        ("x.rpm", "https://host/el8/x86_64/", "x.rpm"),
        ("https://host/el8/x86_64/x.rpm", "", "x.rpm"),
        ("x.rpm", "https://other/pool", "https://other/pool/x.rpm"),
        ("https://other/x.rpm", "", "https://other/x.rpm"),
    ],
)
def test_where_a_pinned_package_lies(href: str, base: str, place: str) -> None:
    one = entry(href).replace(b"<location ", f'<location xml:base="{base}" '.encode() if base else b"<location ")
    assert parse_entry(one, "primary").place("https://host/el8/x86_64/") == place


@pytest.mark.parametrize("href", ["../x", "a/../../x", "ftp://h/x", "https://user:word@h/x", "file:///etc/passwd", ""])
def test_where_no_package_is_fetched_from(href: str) -> None:
    with pytest.raises(FormatError):
        parse_entry(entry(href), "primary").place("https://host/el8/x86_64/")


@pytest.mark.parametrize("href", ["x.bin", "a b.rpm", "x%20.rpm", "-x.rpm", "x#y.rpm", "\xe4.rpm"])
def test_a_name_that_is_no_plain_one_is_made_anew(href: str) -> None:
    rpm = parse_entry(entry(f"a/{href}"), "primary")
    assert rpm.file_name == f"{rpm.name}-{rpm.evr.rpartition(':')[2]}.{rpm.architecture}.rpm"
    assert parse_entry(entry("a/o~d^d+1.rpm"), "primary").file_name == "o~d^d+1.rpm"


@pytest.mark.parametrize(
    "bad", [b"<package><name>x</name></package>", b"<package><a></package>", b"<package>&bomb;</package>",
            b"<package>\xff</package>"],
)  # fmt: skip
def test_malformed_entries_are_refused(bad: bytes) -> None:
    with pytest.raises(FormatError):
        list(read_primary(io.BytesIO(HEAD + bad), "primary"))


def test_a_malformed_entry_is_told_by_the_error_alone(capfd: pytest.CaptureFixture[str]) -> None:
    """createrepo_c writes what it refuses, up to 64 MiB of it, to standard error. Found by `scripts/fuzz primary`."""
    with pytest.raises(FormatError, match="cannot be read"):
        parse_entry(b'<package type="rpm"><arch mean=& "/></package>', "x")
    assert capfd.readouterr().err == ""


@pytest.mark.tools
def test_an_entry_is_moved_and_nothing_else_of_it_changed(repo: Path) -> None:
    for one in Entries(io.BytesIO(primary(repo)), "primary"):
        before = parse_entry(one, "primary")
        moved = relocated(one, r"a&b\1.rpm", "primary")
        after = parse_entry(moved, "primary")
        assert after.href == r"a&b\1.rpm"
        assert (after.nevra, after.requires, after.checksum) == (before.nevra, before.requires, before.checksum)
        assert relocated(moved, before.href, "primary") == one
        assert checksum_of(one) == before.checksum[1]


def test_of_two_locations_the_last_counts_as_for_dnf() -> None:
    moved = relocated(entry(before='<location href="y"/>'), "z", "primary")
    assert (moved.count(b"<location"), parse_entry(moved, "primary").href) == (1, "z")
    with pytest.raises(FormatError):
        relocated(b"<package></package>", "z", "primary")


def test_a_requirement_without_a_name_says_nothing() -> None:
    needs = b'<format><rpm:requires><rpm:entry nom="x"/><rpm:entry name="y"/></rpm:requires></format>'
    odd = entry().replace(b"<format/>", needs)
    assert parse_entry(odd, "primary").requires == (Relation("y"),)


def test_an_entry_that_is_no_package_does_not_spoil_the_list() -> None:
    text = HEAD + entry().replace(b"<name>", b"<nom>").replace(b"</name>", b"</nom>") + entry("y") + b"</metadata>"
    odd: list[FormatError] = []
    assert [one.href for one in read_primary(io.BytesIO(text), "primary", odd.append)] == ["y"]
    assert "an entry" in str(odd[0])
    with pytest.raises(FormatError):
        list(read_primary(io.BytesIO(text), "primary"))


letters = st.characters(codec="utf-8", exclude_categories=["C", "Z"])
words = st.text(letters, min_size=1, max_size=12)
numbers = st.from_regex(r"[0-9][0-9a-z.]{0,6}", fullmatch=True)
entries = st.tuples(words, st.sampled_from(["EQ", "LT", "GT", "LE", "GE"]), st.just("1"), numbers, numbers)


@given(words, numbers, numbers, st.lists(entries, max_size=3), st.lists(words, max_size=2))
def test_a_package_that_createrepo_writes_is_read_back(
    name: str, version: str, release: str, needs: list[tuple[str, ...]], plain: list[str]
) -> None:
    package = createrepo_c.Package()
    package.name, package.epoch, package.version, package.release, package.arch = name, "3", version, release, "x86_64"
    package.pkgId, package.checksum_type, package.location_href, package.size_package = SHA, "sha256", name, 7
    package.requires = [(*one, False) for one in needs] + [(one, None, None, None, None, False) for one in plain]
    found = parse_entry(createrepo_c.xml_dump_primary(package).encode(), "primary")
    assert (found.name, found.evr, found.href) == (name, f"3:{version}-{release}", name)
    bounds = {Relation(one[0], _OPERATORS[one[1]], evr("1", one[3], one[4])) for one in needs}
    assert set(found.requires) == bounds | {Relation(one) for one in plain}
    assert isinstance(found, Rpm)
