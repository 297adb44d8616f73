"""What ``cudepot serve`` answers to paths no file system takes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.responses import Response

from cudepot.catalog.site.file_traits import traits
from cudepot.transport.shown_folder import ShownFolder
from cudepot.transport.web import Web


def asked(folder: Path, path: str, accept: str = "") -> Response:
    """Return what a server that shows a folder answers."""
    return asyncio.run(Web({"": ShownFolder(folder)}, traits).answer("GET", path, {"accept": accept}))


@pytest.mark.parametrize(
    "path", ["/" + "x" * 300, "/" + "x/" * 5000, "/simple/" + "y" * 300 + "/", "/a\0b", "/" + "é" * 200, "/\udc80"]
)
@pytest.mark.parametrize("accept", ["text/html", "application/vnd.pypi.simple.v1+json"])
def test_paths_nobody_can_have_are_not_there(tmp_path: Path, path: str, accept: str) -> None:
    (tmp_path / "simple").mkdir()
    assert asked(tmp_path, path, accept).status_code == 404


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/simple/Foo_Bar/", "../foo-bar/"), ("/simple/foo.bar", "foo-bar/"), ("/simple/foo-bar", "foo-bar/"),
        ("/environments/train/simple/FOO--bar/", "../foo-bar/"), ("/simple/other_one/", ""), ("/Foo_Bar/", ""),
        ("/simple/foo_bar/index.html", ""),
    ],
)  # fmt: skip
def test_a_project_in_another_spelling_is_sent_to_its_name(tmp_path: Path, path: str, told: str) -> None:
    for folder in ("simple/foo-bar", "foo-bar", "environments/train/simple/foo-bar"):
        (tmp_path / folder).mkdir(parents=True)
    answer = asked(tmp_path, path)
    assert (answer.status_code, answer.headers.get("location", "")) == ((301, told) if told else (404, ""))
