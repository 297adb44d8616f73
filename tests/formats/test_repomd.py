"""repomd.xml: createrepo_c's own, ours read by createrepo_c, and bad ones."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.process import run

from cudepot.digest import Digest, Promise
from cudepot.errors import FormatError, TrustError
from cudepot.formats.repomd import Record, Repomd, parse_repomd, parse_repomd_of_ours, render_repomd
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


@pytest.mark.tools
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


names = st.text("abc019_", max_size=8).map("q{}".format)
digests = st.builds(Digest, st.binary(min_size=32, max_size=32).map(bytes.hex), st.integers(0, 1 << 40))
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
        document(data(), data(href="repodata/q.xml.gz")),
        document(data(href="../../etc/passwd")),
        document(data(href="http://elsewhere/p.xml.gz")),
        document(data(href="/etc/passwd")),
        document(data(href="")),
        document(data(size="")),
        document(data(size="<size>-1</size>")),
        document(data(checksum="")),
        document(data(checksum="<checksum type='sha256'>xx</checksum>")),
        document(data("pri/mary")),
        document(data(), before="<!DOCTYPE a [<!ENTITY x 'y'>]>"),
        document(data(), before="<!DOCTYPE a [ ]>"),
        document(data()).decode().replace("'1.0'", "'1.0' encoding='utf-7'").encode(),
        document(data())
        .decode()
        .replace("<repomd xmlns=", "<r:repomd xmlns:r=")
        .replace("</repomd", "</r:repomd")
        .encode(),
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


def test_a_record_of_ours_may_not_be_odd_in_any_way() -> None:
    assert len(parse_repomd_of_ours(document(data()), "x").records) == 1
    for text in (document(data(), data()), document(data(), data("other", checksum=""))):
        with pytest.raises(FormatError):
            parse_repomd_of_ours(text, "x")


def test_records_that_cannot_be_used_are_kept_apart() -> None:
    weak = data("updateinfo", checksum="<checksum type='md5'>aa</checksum>")
    twice = [data("group"), data("group", href="repodata/g.xml.gz")]
    found = parse_repomd(document(data(), weak, *twice, data("what/ever"), data("other"), data("other")), "x")
    assert [one.type for one in found.records] == ["primary", "other"]
    assert [one.type for one in found.unusable] == ["updateinfo", "group", "what/ever"]
    found.check_usable(["primary", "modules"])
    with pytest.raises(TrustError, match="updateinfo: known by md5 only"):
        found.check_usable(["primary", "updateinfo"])


def test_what_librepo_passes_over_is_passed_over() -> None:
    plain = document(data().replace("1600000000.25", "yesterday"))
    for text in (plain, plain.replace(b" xmlns='http://linux.duke.edu/metadata/repo'", b""), b"\xef\xbb\xbf" + plain):
        (one,) = parse_repomd(text, "x").records
        assert (one.type, one.timestamp) == ("primary", 0)


def test_entries_are_cut_out_as_they_stand() -> None:
    entries = [f"<package type='rpm'><name>n{number}</name>{'x' * number}</package>".encode() for number in range(3000)]
    text = b"<?xml version='1.0' encoding='UTF-8'?>\n<metadata>\n" + b"\n".join(entries) + b"\n</metadata>\n"
    assert list(Entries(io.BytesIO(text), "primary")) == entries
    assert list(Entries(io.BytesIO(b"<metadata/>"), "primary")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<metadata><!-- <package > --></metadata>", []),
        ("<!-- c --><metadata><package a='1'/></metadata>", ['<package a="1"></package>']),
        ("<metadata><package ><![CDATA[</package>&]]></package></metadata>",
         ["<package>&lt;/package&gt;&amp;</package>"]),
        ("<metadata><package ><?x </package> ?>y</package></metadata>", ["<package>y</package>"]),
        ("<!DOCTYPE metadata SYSTEM 'x.dtd'><metadata><package >1</package></metadata>", ["<package>1</package>"]),
        ("<metadata><package a='&lt;&#9;&quot;'><!----></package></metadata>",
         ['<package a="&lt;&#9;&quot;"></package>']),
        ("<metadata><package>1</package ><!-- --><package><b:c d='e'/></package></metadata>",
         ["<package>1</package>", '<package><b:c d="e"></b:c></package>']),
    ],
)  # fmt: skip
def test_entries_beside_what_could_hide_a_tag_are_written_anew(text: str, expected: list[str]) -> None:
    assert [one.decode() for one in Entries(io.BytesIO(text.encode()), "primary")] == expected


def test_what_could_hide_a_tag_may_come_late() -> None:
    plain = b"".join(b"<package><name>%d</name></package>" % number for number in range(1 << 16))
    text = b"<metadata>" + plain + b"<!-- <package> -->" + plain + b"</metadata>"
    assert b"".join(Entries(io.BytesIO(text), "primary")) == plain + plain


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "windows-1252", "iso-8859-15"])
def test_other_encodings_are_read(encoding: str) -> None:
    text = f"<?xml version='1.0' encoding='{encoding}'?><metadata><package >\xe4</package></metadata>".encode(encoding)
    assert list(Entries(io.BytesIO(text), "primary")) == ["<package>\xe4</package>".encode()]
    assert parse_xml(text, "x").findtext("package") == "\xe4"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html/>",
        b"<m:metadata xmlns:m='x'><package >1</package></m:metadata>",
        b"<!DOCTYPE a [<!ENTITY x 'y'>]><metadata><package >&x;</package></metadata>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><metadata><package >&x;</package></metadata>".encode("utf-16"),
        b"<metadata><!-- --><package >&x;</package></metadata>",
        b"<metadata><!-- --><package >\xe4</package></metadata>",
        b"<metadata><package >",
        b"<metadata><!-- --><package >",
        b"<metadata><!-- --><package >" + b"<a>" * 1000 + b"</a>" * 1000 + b"</package></metadata>",
        b"<?xml version='1.0' encoding='utf-7'?><metadata/>",
        b"<?xml version='1.0' encoding='no-such'?><metadata/>",
    ],
)
def test_hostile_lists_are_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        list(Entries(io.BytesIO(text), "primary"))


def test_a_doctype_that_names_a_file_is_passed_over() -> None:
    assert parse_xml(b'<!DOCTYPE comps PUBLIC "-//Red Hat" "comps.dtd"><comps/>', "comps").tag == "comps"
