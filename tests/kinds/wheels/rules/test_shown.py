"""What of a page a resolver is shown: the project's own files, once each, as of a date; sources as placeholders."""

from __future__ import annotations

import dataclasses
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from cudepot.catalog.config.upstream import Upstream
from cudepot.errors import TrustError
from cudepot.formats.simple import IndexFile
from cudepot.kinds.wheels.rules.shown import shown

HOST = "https://files.invalid/"
INDEX = Upstream("pypi", "simple", "https://index.invalid/simple/")
HASH = "ab" * 32
WHEEL = "a_b-1.0-py3-none-any.whl"


def listed(filename: str, sha256: str = HASH, **said: object) -> IndexFile:
    return dataclasses.replace(IndexFile(filename, HOST + filename, sha256, 5), **said)  # type: ignore[arg-type]


def names(*files: IndexFile, before: str = "") -> list[str]:
    return [one.filename for one in shown("a-b", files, INDEX, before).files]


def test_the_projects_own_wheels_are_shown_in_order() -> None:
    other = ["c-1.0-py3-none-any.whl", "a_b-1.0.tar.gz", "a_b-x-py3-none-any.whl", "a_b-1.0.egg", "a_b.whl", "", "a-b"]
    more = ["A.B-1.1-cp312-cp312-win_amd64.whl", "a-b-2.0-py3-none-any.whl"]
    found = [WHEEL, more[0], "a_b-1.0.tar.gz"]
    assert names(*map(listed, [WHEEL, *other, *more])) == found, "a-b-2.0 is version b of a"


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://h/x.whl", "https://user:pw@h/x.whl", "https:///x", "https://[::1/x", "https://h/\x1b"]
)  # fmt: skip
def test_links_that_lead_nowhere_are_left_out(url: str) -> None:
    assert names(listed(WHEEL, url=url)) == []


def test_plain_http_needs_a_hash() -> None:
    plain = "http://files.invalid/x.whl"
    assert names(listed(WHEEL, "", url=plain)) == []
    assert names(listed(WHEEL, url=plain)) == [WHEEL]
    assert names(listed(WHEEL, "", url="http://127.0.0.1/x.whl")) == [WHEEL]


def test_a_cut_off_leaves_out_what_came_then_or_later_and_what_nobody_dates() -> None:
    dates = {
        "1": "2026-01-01T00:00:00.000000Z",
        "2": "2026-01-01T00:00:00.000001Z",
        "3": "",
        "4": "2025-12-31T23:59:59.999999Z",
    }
    files = [listed(f"a_b-{version}-py3-none-any.whl", uploaded=date) for version, date in dates.items()]
    found = shown("a-b", files, INDEX, dates["1"])
    assert [one.filename for one in found.files] == ["a_b-4-py3-none-any.whl"]
    assert found.undated == ("a_b-3-py3-none-any.whl",)
    assert len(shown("a-b", files, INDEX).files) == 4


def test_yanked_files_stay_with_their_reason() -> None:
    (file,) = shown("a-b", [listed(WHEEL, yanked=True, reason="broken")], INDEX).files
    assert (file.yanked, file.reason) == (True, "broken")


def test_one_file_name_with_two_hashes_is_refused() -> None:
    with pytest.raises(TrustError, match="several hashes for one file name"):
        names(listed(WHEEL), listed(WHEEL, "cd" * 32))
    with pytest.raises(TrustError, match="md5"):
        names(listed(WHEEL, "", hashes=(("md5", "0" * 32),)), listed(WHEEL, hashes=(("md5", "1" * 32),)))


def test_links_to_one_file_are_joined() -> None:
    bare = listed(WHEEL, "", url="https://mirror.invalid/x.whl", size=None, uploaded="2026-01-01T00:00:00.000000Z")
    for pair in ([bare, listed(WHEEL)], [listed(WHEEL), bare]):
        (file,) = shown("a-b", pair, INDEX).files
        assert (file.sha256, file.size, file.url, file.uploaded) == (HASH, 5, HOST + WHEEL, bare.uploaded)


def test_the_sources_of_a_version_are_there_once() -> None:
    source = listed("a_b-2.0+x.1.tar.gz", requires_python=">=3.8", yanked=True)
    found = shown("a-b", [listed("a-b-1.0.zip"), listed(WHEEL), source, listed("a-b-2.0+x.1.zip")], INDEX)
    assert found.files == (listed(WHEEL), listed("a-b-1.0.zip"), source)
    assert found.sdists == {Version("1.0"): listed("a-b-1.0.zip"), Version("2.0+x.1"): source}
    assert found.newest_sources == Version("2.0+x.1")
    assert found.without(Version("2.0+x.1")).files == (listed(WHEEL), listed("a-b-1.0.zip"))
    assert found.without(Version("2.0+x.1")).newest_sources is None


def test_a_version_that_nobody_can_count_is_passed_over() -> None:
    assert names(listed(f"a_b-{'9' * 5000}-py3-none-any.whl"), listed(WHEEL)) == [WHEEL]


VERSIONS = st.sampled_from(["1.0", "1.0.0", "1!2", "2.0rc1", "2.0+cu130", "3.0.post1", "x", ""])
NAMES = st.sampled_from(["a_b", "A.b", "a-b", "c", ""])
FILES = st.one_of(
    st.builds("{}-{}-{}.whl".format, NAMES, VERSIONS, st.sampled_from(["py3-none-any", "1-cp312-abi3-win_arm64", "x"])),
    st.builds("{}-{}{}".format, NAMES, VERSIONS, st.sampled_from([".tar.gz", ".zip", ".tar.bz2", ".egg"])),
    st.text(max_size=8),
)  # fmt: skip
DATES = st.sampled_from(["", "2025-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z"])


@given(st.lists(st.builds(lambda name, date: listed(name, uploaded=date), FILES, DATES), max_size=12), DATES)
def test_whatever_a_page_lists_a_resolver_can_read_it(files: list[IndexFile], before: str) -> None:
    found = shown("a-b", files, INDEX, before)
    assert len({one.filename for one in found.files}) == len(found.files)
    for one in found.files:
        assert PurePosixPath(one.filename).name == one.filename
        assert one.filename.split("-")[1]
        assert not before or (one.uploaded and one.uploaded < before)
        assert one in files
