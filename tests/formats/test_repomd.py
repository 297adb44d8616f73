"""repomd.xml: createrepo_c's own, ours read by createrepo_c, and bad ones."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.upstream.process import run

from cudepot.digest import Digest, Promise
from cudepot.errors import FormatError, TrustError
from cudepot.formats.repomd import Record, Repomd, parse_repomd, render_repomd
from cudepot.formats.xml_text import Entries, parse_xml

SHA = "a" * 64


STRONG = f"<checksum type='sha256'>{SHA}</checksum>"


def data(
    kind: str = "primary", *, href: str = "repodata/p.xml.gz", checksum: str = STRONG, size: str = "<size>7</size>"
) -> str:
    return f"<data type='{kind}'>{checksum}<location href='{href}'/>{size}<timestamp>1600000000.25</timestamp></data>"


def document(*parts: str, revision: str = "1600000001", before: str = "") -> bytes:
    inside = f"<revision>{revision}</revision>{''.join(parts)}"
    return (
        f"<?xml version='1.0'?>{before}<repomd xmlns='http://linux.duke.edu/metadata/repo'>{inside}</repomd>".encode()
    )


def test_what_createrepo_writes_is_read(tmp_path: Path) -> None:
    run("createrepo_c", "--database", "--set-timestamp-to-revision", "--revision", "1700000000", tmp_path)
    found = parse_repomd((tmp_path / "repodata/repomd.xml").read_bytes(), "repomd.xml")
    assert found.revision == "1700000000"
    assert {"primary", "filelists", "other", "primary_db"} <= {one.type for one in found.records}
    for one in found.records:
        assert Digest.of((tmp_path / one.href).read_bytes()) == one.promised
        assert one.open_size > 0
        assert len(one.open_sha256) == 64
    date = found.date()
    assert date is not None
    assert date.timestamp() == 1700000000


def test_what_is_written_is_read_by_createrepo(tmp_path: Path) -> None:
    import createrepo_c

    record = Record("primary", "repodata/x&y-primary.xml.gz", Digest(SHA, 7), 70, "b" * 64, 1600000000)
    (tmp_path / "repomd.xml").write_bytes(render_repomd("17", [record]))
    found = createrepo_c.Repomd(str(tmp_path / "repomd.xml"))
    (one,) = found.records
    assert (found.revision, one.type, one.location_href) == ("17", "primary", record.href)
    assert (one.checksum, one.size, one.checksum_open, one.size_open) == (SHA, 7, "b" * 64, 70)


names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
digests = st.builds(Digest, st.from_regex(r"[0-9a-f]{64}", fullmatch=True), st.integers(0, 1 << 40))
records = st.builds(Record, names, names.map("repodata/{}".format), digests, st.integers(0, 1 << 40),
                    st.just("c" * 64), st.integers(0, 1 << 33))  # fmt: skip
revisions = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=9)


@given(st.lists(records, max_size=4, unique_by=lambda one: one.type), revisions)
def test_what_is_written_is_read_back(some: list[Record], revision: str) -> None:
    primary = Record("primary", "p", Digest(SHA, 1), 2, SHA, 3)
    every = (primary, *(one for one in some if one.type != "primary"))
    assert parse_repomd(render_repomd(revision, every), "x") == Repomd(revision, every)


def test_a_sha512_is_a_promise_and_old_times_have_fractions() -> None:
    (one,) = parse_repomd(document(data(checksum=f"<checksum type='sha512'>{'b' * 128}</checksum>")), "x").records
    assert (one.promised, one.timestamp, one.open_size) == (Promise("b" * 128, 7), 1600000000, -1)


@pytest.mark.parametrize("kind", ["sha", "sha1", "md5", ""])
def test_weak_checksums_are_refused(kind: str) -> None:
    with pytest.raises(TrustError):
        parse_repomd(document(data(checksum=f"<checksum type='{kind}'>{'a' * 40}</checksum>")), "x")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"<html/>",
        document(),
        document(data("filelists")),
        document(data(), data()),
        document(data(href="../../etc/passwd")),
        document(data(href="/etc/passwd")),
        document(data(href="")),
        document(data(size="")),
        document(data(size="<size>-1</size>")),
        document(data(checksum="")),
        document(data(checksum="<checksum type='sha256'>xx</checksum>")),
        document(data("pri/mary")),
        document(data(), before="<!DOCTYPE a [<!ENTITY x 'y'>]>"),
        document(data(), before="<!DOCTYPE a [ ]>"),
        document(data()).decode().replace("'1.0'", "'1.0' encoding='utf-16'").encode("utf-16"),
        document(data().replace("<location ", "<location xml:base='http://elsewhere/' ")),
    ],
)
def test_malformed_and_hostile_documents_are_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        parse_repomd(text, "repomd.xml")


def test_a_date_is_told_only_by_times_that_can_be_meant() -> None:
    assert parse_repomd(document(data().replace("1600000000.25", "5"), revision="9.4"), "x").date() is None
    late = parse_repomd(document(data(), revision="1800000000"), "x").date()
    assert late is not None
    assert late.timestamp() == 1800000000


def test_entries_are_cut_out_as_they_stand() -> None:
    entries = [f"<package type='rpm'><name>n{number}</name>{'x' * number}</package>".encode() for number in range(3000)]
    text = b"<?xml version='1.0' encoding='UTF-8'?>\n<metadata>\n" + b"\n".join(entries) + b"\n</metadata>\n"
    cut = Entries(io.BytesIO(text), "primary")
    assert list(cut) == entries
    assert (cut.head, cut.tail) == (b"<?xml version='1.0' encoding='UTF-8'?>\n<metadata>\n", b"\n</metadata>\n")
    assert list(Entries(io.BytesIO(b"<metadata/>"), "primary")) == []


@pytest.mark.parametrize(
    "text",
    [
        b"<!DOCTYPE a [<!ENTITY x 'y'>]><metadata><package >&x;</package></metadata>",
        b"<metadata><!-- <package > --></metadata>",
        b"<metadata><package ><![CDATA[</package>]]></package></metadata>",
        b"<metadata><package ><?x </package> ?></package></metadata>",
        b"<metadata><package >",
        b"<?xml version='1.0' encoding='utf-7'?><metadata/>",
        "<?xml version='1.0' encoding='utf-16'?><metadata/>".encode("utf-16"),
    ],
)
def test_what_could_hide_a_tag_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        list(Entries(io.BytesIO(text), "primary"))


def test_a_doctype_that_names_a_file_is_passed_over() -> None:
    assert parse_xml(b'<!DOCTYPE comps PUBLIC "-//Red Hat" "comps.dtd"><comps/>', "comps").tag == "comps"
