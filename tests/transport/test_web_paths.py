"""What ``cudepot serve`` answers to paths no file system takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cudepot.catalog.site.file_traits import traits
from cudepot.transport.web import Web


@pytest.mark.parametrize(
    "path", ["/" + "x" * 300, "/" + "x/" * 5000, "/simple/" + "y" * 300 + "/", "/a\0b", "/" + "é" * 200, "/\udc80"]
)
@pytest.mark.parametrize("accept", ["text/html", "application/vnd.pypi.simple.v1+json"])
def test_paths_nobody_can_have_are_not_there(tmp_path: Path, path: str, accept: str) -> None:
    (tmp_path / "simple").mkdir()
    assert Web(tmp_path, traits).answer("GET", path, {"accept": accept}).status_code == 404


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("/simple/Foo_Bar/", "../foo-bar/"), ("/simple/foo.bar", "foo-bar/"), ("/simple/foo-bar", "foo-bar/"),
        ("/environments/train/simple/FOO--bar/", "../foo-bar/"), ("/simple/other_one/", ""), ("/Foo_Bar/", ""),
        ("/simple/foo_bar/index.html", ""),
    ],
)  # fmt: skip
def test_a_project_in_another_spelling_is_sent_to_its_name(tmp_path: Path, asked: str, told: str) -> None:
    for folder in ("simple/foo-bar", "foo-bar", "environments/train/simple/foo-bar"):
        (tmp_path / folder).mkdir(parents=True)
    answer = Web(tmp_path, traits).answer("GET", asked, {})
    assert (answer.status_code, answer.headers.get("location", "")) == ((301, told) if told else (404, ""))
