"""Pages of wheel indexes: JSON and HTML say the same, ours are read back, hostile names are refused."""

from __future__ import annotations

import contextlib
import datetime
import json
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats import simple
from cudepot.formats.simple import JSON_TYPE, IndexFile, parse_page, project_name
from cudepot.formats.simple_write import (
    ProjectStatus,
    PublishedWheel,
    render_project_html,
    render_project_json,
    render_root_html,
    render_root_json,
)
from cudepot.paths import safe_name

URL = "http://127.0.0.1/simple/nvidia-cudnn-cu11/"
NAME = "nvidia_cudnn_cu11-8.0.5.39+acme.1-py3-none-manylinux1_x86_64.whl"
HASH = Digest.of(b"wheel")
WHEEL = PublishedWheel("nvidia-cudnn-cu11", "8.0.5.39+acme.1", NAME, HASH, "cd" * 32, ">=3,<4")


def page(*files: dict[str, object]) -> bytes:
    return json.dumps({"files": list(files)}).encode()


def test_our_pages_are_read_back() -> None:
    url = "http://127.0.0.1/wheels/" + NAME.replace("+", "%2B")
    html = parse_page(render_project_html("nvidia-cudnn-cu11", [WHEEL], "../../wheels/"), "text/html", URL)
    made = parse_page(render_project_json("nvidia-cudnn-cu11", [WHEEL], "../../wheels/"), JSON_TYPE, URL)
    read = IndexFile(NAME, url, HASH.sha256, 5, requires_python=">=3,<4", core_metadata="cd" * 32)
    assert (html, made) == ([read], [read])


def test_our_pages_say_what_resolvers_look_for() -> None:
    html = render_project_html("x", [WHEEL], "../").decode()
    assert 'data-requires-python="&gt;=3,&lt;4"' in html
    assert f'data-core-metadata="sha256={"cd" * 32}"' in html
    row = json.loads(render_project_json("x", [WHEEL], "../"))
    assert (row["meta"]["api-version"], row["project-status"]) == ("1.4", {"status": "active"})
    assert (row["files"][0]["size"], row["files"][0]["hashes"]) == (5, {"sha256": HASH.sha256})
    assert row["versions"] == ["8.0.5.39+acme.1"]
    assert row["files"][0]["requires-python"] == ">=3,<4"
    assert row["files"][0]["core-metadata"] == {"sha256": "cd" * 32}


def test_a_projects_status_is_told_in_both_forms() -> None:
    old = ProjectStatus("deprecated", 'take "cu12" <instead>')
    assert json.loads(render_project_json("x", [WHEEL], "../", old))["project-status"] == {
        "status": "deprecated", "reason": 'take "cu12" <instead>',
    }  # fmt: skip
    html = render_project_html("x", [WHEEL], "../", old).decode()
    assert '<meta name="pypi:project-status" content="deprecated">' in html
    assert 'content="take &quot;cu12&quot; &lt;instead&gt;"' in html


def test_json_pages_leave_out_the_key_old_pip_dies_of() -> None:
    """PEP 714: pip 22.3 to 23.0 cannot read ``dist-info-metadata`` in JSON; Debian 12 ships such a pip."""
    assert b'"dist-info-metadata"' not in render_project_json("p", [WHEEL], "../../wheels/")
    assert b'"core-metadata"' in render_project_json("p", [WHEEL], "../../wheels/")


def test_the_list_of_projects() -> None:
    assert b'<a href="a-b/">a-b</a>' in render_root_html(["a-b"])
    assert json.loads(render_root_json(["a-b", "c"]))["projects"] == [{"name": "a-b"}, {"name": "c"}]


def test_html_as_other_indexes_write_it() -> None:
    text = f"""<html><head><base href="https://files.example/"></head><body>
    <a href="a%2Bb-1-py3-none-any.whl#sha256={"AB" * 32}" data-yanked="broken">x</a>
    <a href='sub/c-1.tar.gz#md5=00'>x</a><a>no link</a><A HREF="d-1.zip#sha256=00">x</A>"""
    url = "https://files.example/a%2Bb-1-py3-none-any.whl"
    assert parse_page(text.encode(), "text/html", URL) == [
        IndexFile("a+b-1-py3-none-any.whl", url, "ab" * 32, None, yanked=True, reason="broken"),
        IndexFile("c-1.tar.gz", "https://files.example/sub/c-1.tar.gz", ""),
        IndexFile("d-1.zip", "https://files.example/d-1.zip", ""),
    ]


def test_json_as_other_indexes_write_it() -> None:
    files = parse_page(
        page(
            {"filename": "a-1.whl", "url": "x/a-1.whl", "hashes": {}, "yanked": "why"},
            {"filename": "b-1.whl", "url": "https://h/b-1.whl", "hashes": {"sha256": HASH.sha256}, "size": 0},
            {"filename": "c-1.whl", "url": "c-1.whl", "hashes": {"sha256": "short"}, "size": -1, "yanked": False},
        ),
        JSON_TYPE,
        URL,
    )
    assert files == [
        IndexFile("a-1.whl", URL + "x/a-1.whl", "", None, yanked=True, reason="why"),
        IndexFile("b-1.whl", "https://h/b-1.whl", HASH.sha256, 0),
        IndexFile("c-1.whl", URL + "c-1.whl", ""),
    ]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, None),
        ({"core-metadata": False}, None),
        ({"core-metadata": True}, ""),
        ({"core-metadata": {}}, ""),
        ({"core-metadata": {"md5": "0" * 32}}, ""),
        ({"core-metadata": {"sha256": "AB" * 32}}, "ab" * 32),
        ({"core-metadata": {"sha256": "../x"}}, ""),
        ({"core-metadata": "sha256=" + "ab" * 32}, None),
        ({"core-metadata": ["x"]}, None),
        ({"dist-info-metadata": {"sha256": "ab" * 32}}, "ab" * 32),
        ({"core-metadata": False, "dist-info-metadata": True}, None),
        ({"core-metadata": {"sha256": "cd" * 32}, "dist-info-metadata": {"sha256": "ab" * 32}}, "cd" * 32),
    ],
)
def test_json_says_whether_metadata_is_beside_a_file(given: dict[str, object], found: str | None) -> None:
    (file,) = parse_page(page({"filename": "a.whl", "url": "x", **given}), JSON_TYPE, URL)
    assert file.core_metadata == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", None),
        ('data-core-metadata="false"', None),
        ('data-core-metadata="true"', ""),
        ("data-core-metadata", ""),
        (f'data-core-metadata="sha256={"AB" * 32}"', "ab" * 32),
        ('data-core-metadata="sha256=zz"', ""),
        (f'data-dist-info-metadata="sha256={"ab" * 32}"', "ab" * 32),
        (f'data-core-metadata="true" data-dist-info-metadata="sha256={"ab" * 32}"', ""),
    ],
)
def test_html_says_whether_metadata_is_beside_a_file(given: str, found: str | None) -> None:
    (file,) = parse_page(f'<a href="a.whl" {given}>a</a>'.encode(), "text/html", URL)
    assert file.core_metadata == found


def test_both_forms_say_which_pythons_a_file_is_for() -> None:
    made = page({"filename": "a.whl", "url": "x", "requires-python": ">=3.8,\n <4\x1b[2J"})
    (file,) = parse_page(made, JSON_TYPE, URL)
    assert file.requires_python == ">=3.8, <4[2J"
    html = b'<a href="a.whl" data-requires-python="&gt;=3.8,&lt;4">a</a><a href="b.whl" data-requires-python>b</a>'
    assert [one.requires_python for one in parse_page(html, "text/html", URL)] == [">=3.8,<4", ""]
    (none,) = parse_page(page({"filename": "a.whl", "url": "x", "requires-python": None}), JSON_TYPE, URL)
    assert none.requires_python == ""


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("https://h.invalid/integrity/a/1/a.whl/provenance", True),
        ("http://h.invalid/p", True),
        ("ab" * 32, False),
        ("/relative", False),
        ("https://user:secret@h.invalid/p", False),
        ("https://[::1/p", False),
        ("https:///p", False),
        ("https://h.invalid/a b", False),
        ("https://h.invalid/\x1b[2J", False),
        ("file:///etc/passwd", False),
        ("https://h.invalid/" + "x" * 5000, False),
        (None, False),
        (7, False),
    ],
)
def test_a_link_to_provenance_is_harmless(link: object, found: bool) -> None:
    (file,) = parse_page(page({"filename": "a.whl", "url": "x", "provenance": link}), JSON_TYPE, URL)
    assert file.provenance == (link if found else "")
    if isinstance(link, str):
        (file,) = parse_page(f'<a href="a.whl" data-provenance="{link}">a</a>'.encode(), "text/html", URL)
        assert file.provenance == (link if found else "")


@given(st.from_regex(simple._USUAL_URL, fullmatch=True))
def test_a_url_that_looks_usual_is_what_it_would_be_taken_apart(link: str) -> None:
    assert urljoin(URL, link) == link
    assert (urlsplit(link).scheme in ("http", "https"), urlsplit(link).username) == (True, None)


@given(st.from_regex(simple._USUAL_NAME, fullmatch=True))
def test_a_name_that_looks_usual_is_a_plain_file_name(name: str) -> None:
    assert safe_name(name) == name
    assert name.isprintable()
    assert "/" not in name


@given(st.datetimes(timezones=st.just(datetime.UTC)))
def test_a_time_that_looks_usual_is_one_in_utc(time: datetime.datetime) -> None:
    text = f"{time:%Y-%m-%dT%H:%M:%S.%fZ}".rjust(27, "0")
    assert simple.rfc3339(text) == simple.rfc3339(text.replace("Z", "+00:00")).rjust(27, "0")
    assert simple.rfc3339(f"{text[:5]}13{text[7:]}") == ""


ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
TOLD = ("size", "yanked", "upload-time", "requires-python", "core-metadata", "dist-info-metadata", "provenance")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys((*TOLD, "hashes"), ANY)))
def test_whatever_a_page_says_of_a_file_is_harmless_or_left_out(said: dict[str, object]) -> None:
    (file,) = parse_page(page({"filename": "a.whl", "url": "x", **said}), JSON_TYPE, URL)
    for text in (file.reason, file.requires_python, file.provenance, file.uploaded):
        assert text.isprintable()
        assert len(text) <= 4096
    assert file.core_metadata in (None, "") or len(file.core_metadata) == 64
    assert file.provenance == "" or file.provenance.startswith(("https://", "http://"))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"files": [1]}', b'{"files": [{"url": "x"}]}', b'{"files": 3}', b"\xff"]
)
def test_what_is_no_json_page_is_refused(body: bytes) -> None:
    with pytest.raises(FormatError):
        parse_page(body, JSON_TYPE, URL)


def test_a_page_of_another_type_is_refused() -> None:
    with pytest.raises(FormatError, match="application/pdf"):
        parse_page(b"", "application/pdf", URL)


@pytest.mark.parametrize(
    "name", ["../../x-1-py3-none-any.whl", "/etc/x.whl", "x/../../y.whl", "a\\b.whl", "..", "a\nb.whl"]
)
def test_a_file_name_with_folders_in_it_is_refused(name: str) -> None:
    with pytest.raises(FormatError):
        parse_page(page({"filename": name, "url": "x", "hashes": {}}), JSON_TYPE, URL)


def test_a_file_name_with_folders_hidden_in_it_is_refused() -> None:
    with pytest.raises(FormatError):
        parse_page(b'<a href="x/..%2F..%2Fetc%2Fx.whl">x</a>', "text/html", URL)


def test_project_names_have_one_form() -> None:
    assert project_name("NVIDIA_cuDNN..cu11") == "nvidia-cudnn-cu11"


NO_HTML = {
    "declarations": "<!x" * 90_000,
    "attributes": "<a " + "x=1 " * 60_000 + ">",
    "a value": '<a href="' + "a" * 300_000,
    "a comment": "<!--" + "x" * 300_000,
}


@pytest.mark.parametrize("body", NO_HTML.values(), ids=NO_HTML)
def test_a_page_with_a_tag_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """html.parser reads such a tag from its beginning whenever more of it comes."""
    monkeypatch.setattr(simple, "_MOST_TAG", 1 << 17)
    with pytest.raises(FormatError, match="a tag that does not end"):
        parse_page(body.encode(), "text/html", URL)


@pytest.mark.parametrize("body", ["<![[", "<![if x]><![[", "<!DOCTYPE html><![ ["])
def test_what_html_parser_gives_up_is_a_page_without_files_at_most(body: str) -> None:
    """Python 3.11's raises AssertionError for an unknown marked section."""
    with contextlib.suppress(FormatError):
        assert parse_page(body.encode(), "text/html", URL) == []


@pytest.mark.parametrize(
    "file",
    [
        {"filename": 3, "url": "x"}, {"filename": "a.whl", "url": None}, {"filename": ["a.whl"], "url": "x"},
        {"filename": "a.whl", "url": "http://[::1/x"}, {"filename": "a.whl"}, {"url": "x"},
    ],
)  # fmt: skip
def test_a_json_row_of_the_wrong_types_is_refused(file: dict[str, object]) -> None:
    with pytest.raises(FormatError, match="not a PEP 691 page"):
        parse_page(page(file), JSON_TYPE, URL)


@pytest.mark.parametrize(
    "body",
    [b'{"files":' * 50_000, b"[" * 100_000, b'{"files": [], "meta": 3}',
     b'{"files": [], "meta": {"api-version": "2.0"}}', b'{"files": {"a": 1}}',
     b'{"files": [], "n": ' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_hostile_json_is_refused(body: bytes) -> None:
    with pytest.raises(FormatError):
        parse_page(body, JSON_TYPE, URL)


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2025-13-01T00:00:00Z", "2025-01-01", "2025-01-01T00:00:00", 3, None, "0001-01-01T00:00:00+14:00"],
)
def test_a_time_that_is_none_is_left_out(text: object) -> None:
    (file,) = parse_page(page({"filename": "a.whl", "url": "x", "upload-time": text}), JSON_TYPE, URL)
    assert file.uploaded == ""


def test_what_a_page_says_of_a_file_is_made_harmless() -> None:
    odd = {"filename": "a.whl", "url": "x", "yanked": "a\x1b[2Jb\n" * 400, "upload-time": "2025-01-01T02:00:00+02:00",
           "hashes": {"sha256": HASH.sha256.upper(), "md5": "0" * 32, "sha512": "zz"}, "size": True}  # fmt: skip
    (file,) = parse_page(page(odd), JSON_TYPE, URL)
    assert file.reason.startswith("a[2Jb a[2Jb")
    assert len(file.reason) <= 500
    assert (file.uploaded, file.size) == ("2025-01-01T00:00:00.000000Z", None)
    assert (file.sha256, file.hashes) == (HASH.sha256, (("md5", "0" * 32),))


def test_a_name_that_cannot_be_written_is_no_file_of_ours() -> None:
    (file,) = parse_page(page({"filename": "a\ud800-1-py3-none-any.whl", "url": "x"}), JSON_TYPE, URL)
    assert file.filename == ""


def test_a_page_needs_no_charset() -> None:
    """Servers say none, or their own: what upstreams write is read back whatever it is."""
    wheel = PublishedWheel(
        "a", "1", "a-1-py3-none-any.whl", Digest("0" * 64, 1), "0" * 64, yanked="kaputt – größer <b>"
    )
    body = render_project_html("a", [wheel], "../../wheels/")
    assert body.isascii()
    (file,) = parse_page(body, "text/html", URL)
    assert file.reason == "kaputt – größer <b>"
