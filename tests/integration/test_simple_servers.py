"""The wheel index through every documented server: pip and uv find nothing newer than a day they are told."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from simulator.keys import Key, KeyHome
from simulator.odd_index import SIMPLE_JSON, OddIndex
from simulator.process import clean_env, run
from simulator.project import Project
from simulator.s3 import S3Server
from simulator.server import Server
from tests.clients import web
from tests.clients.python_env import uv

OLD, NEW = "demo-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl"
BETWEEN = "2025-06-01T00:00:00Z"
ACCEPTED = {
    "pip": f"{SIMPLE_JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",  # pdm's, pipenv's, too
    "uv": f"{SIMPLE_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
    "poetry": f"{SIMPLE_JSON}, */*;q=0.1",
    "latest": "application/vnd.pypi.simple.latest+json",
    "quality": f"text/html;q=0.5, {SIMPLE_JSON};q=0.9",
}
"""What installers send, as they were seen to, and what PEP 691 allows."""


@pytest.fixture(scope="module", params=["serve", "nginx", "caddy", "moto", "nginx before moto"])
def index_url(
    request: pytest.FixtureRequest, site_key_master: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a published index with one wheel of January and one of December, on each kind of server."""
    tmp_path, (home, key) = tmp_path_factory.mktemp("servers"), site_key_master
    (tmp_path / "index").mkdir()
    with Server(tmp_path / "index") as upstream, contextlib.ExitStack() as stack:
        project = Project(tmp_path / "project", key=key.fingerprint, gnupg=stack.enter_context(home.copy()).path)
        index = OddIndex(upstream)
        times = {OLD: "2025-01-01T00:00:00.000000Z", NEW: "2025-12-01T00:00:00.000000Z"}
        index.json("demo", *(index.entry(one, "sha256", upload_time=time) for one, time in times.items()))
        project.add("upstream", name="wheels", type="simple", url=index.url)
        project.add("pin", upstream="wheels", packages=["demo==1.0", "demo==2.0"])
        folder = tmp_path / "server"
        folder.mkdir()
        if "moto" in request.param:
            monkeypatch = stack.enter_context(pytest.MonkeyPatch.context())
            bucket = _bucket(request, project, monkeypatch)
            served = stack.enter_context(web.nginx_before(bucket, folder)) if "nginx" in request.param else ""
            yield f"{served}/simple/" if served else f"{bucket}/simple-json/"
            return
        project.init().publish()
        servers = {"serve": lambda: web.serve(project.base), "nginx": lambda: web.nginx(project.base, folder),
                   "caddy": lambda: web.caddy(project.base, folder)}  # fmt: skip
        yield f"{stack.enter_context(servers[request.param]())}/simple/"


def _bucket(request: pytest.FixtureRequest, project: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    s3_server: Callable[[str], S3Server] = request.getfixturevalue("s3_server")
    server = s3_server("moto")
    bucket = server.bucket()
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
        project.env[name] = value
    site = f'type = "s3"\nbucket = "{bucket}"\nprefix = "pub"\nendpoint = "{server.url}"\n'
    project.sections.insert(0, site)  # of [site], which the head of the file ends with
    project.write()
    project.init().publish()
    return f"{server.url}/{bucket}/pub"


def test_pip_and_uv_find_what_was_uploaded_before_a_day(index_url: str, tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "download", "--no-cache-dir", "--no-deps", "--index-url", index_url)
    env = clean_env(PIP_CONFIG_FILE=os.devnull, HOME=str(tmp_path), PIP_DISABLE_PIP_VERSION_CHECK="1")
    run(*pip, "--dest", tmp_path / "got", "--uploaded-prior-to", BETWEEN, "demo", env=env)
    assert [one.name for one in (tmp_path / "got").iterdir()] == [OLD]
    assert "demo==1.0" in compiled(index_url, BETWEEN)
    assert "demo==2.0" in compiled(index_url, "2026-01-01T00:00:00Z")
    page = index_url.replace("/simple-json/", "/simple/")  # of a bucket: no JSON there, uv reads the times off the page
    assert "demo==1.0" in compiled(page, BETWEEN)


@pytest.mark.parametrize("accept", ACCEPTED.values(), ids=ACCEPTED)
def test_installers_get_json(index_url: str, accept: str) -> None:
    form = requests.get(f"{index_url}demo/", headers={"Accept": accept}, timeout=30)
    assert form.headers["Content-Type"] == SIMPLE_JSON
    assert [one["filename"] for one in form.json()["files"]] == [OLD, NEW]


@pytest.mark.parametrize("accept", [f"{SIMPLE_JSON};q=0, text/html", f"text/html, {SIMPLE_JSON}; q=0.0", "*/*", ""])
def test_who_refuses_json_gets_a_page(index_url: str, accept: str) -> None:
    page = requests.get(index_url.replace("simple-json", "simple") + "demo/", headers={"Accept": accept}, timeout=30)
    assert page.headers["Content-Type"].startswith("text/html")
    assert OLD in page.text


def test_every_way_to_a_project(index_url: str) -> None:
    """HEAD, a slash that is missing, parts of a wheel, METADATA; what is missing is not kept by caches."""
    bare = "simple-json" in index_url  # a bucket alone knows neither redirects nor what an error may be called
    head = requests.head(f"{index_url}demo/", headers={"Accept": SIMPLE_JSON}, timeout=30)
    assert (head.status_code, head.headers["Content-Type"]) == (200, SIMPLE_JSON)
    files = requests.get(f"{index_url}demo/", headers={"Accept": SIMPLE_JSON}, timeout=30).json()["files"]
    wheel = urljoin(f"{index_url}demo/", files[0]["url"])
    whole = requests.get(wheel, timeout=30).content
    part = requests.get(wheel, headers={"Range": "bytes=-22"}, timeout=30)
    assert (part.status_code, part.content) == (206, whole[-22:])
    assert requests.head(wheel, timeout=30).headers["Content-Length"] == str(len(whole))
    metadata = requests.get(f"{wheel}.metadata", timeout=30).content
    assert hashlib.sha256(metadata).hexdigest() == files[0]["core-metadata"]["sha256"]
    missing = [f"{index_url}none/", wheel.replace("1.0", "9.9")]
    for url in missing:
        answer = requests.get(url, headers={"Accept": SIMPLE_JSON}, timeout=30)
        assert answer.status_code == 404, url
        assert "immutable" not in answer.headers.get("Cache-Control", ""), url
    if not bare:
        assert requests.get(f"{index_url}demo", headers={"Accept": SIMPLE_JSON}, timeout=30).json()["name"] == "demo"


def test_who_asks_for_a_page_gets_one(index_url: str) -> None:
    """pip before 22.2, and browsers."""
    url = index_url.replace("/simple-json/", "/simple/") + "demo/"
    page = requests.get(url, headers={"Accept": "text/html"}, timeout=30)
    assert page.headers["Content-Type"].startswith("text/html")
    assert f"{OLD}</a>" in page.text
    form = requests.get(f"{index_url}demo/", headers={"Accept": f"{SIMPLE_JSON}, text/html;q=0.1"}, timeout=30)
    assert form.headers["Content-Type"] == SIMPLE_JSON
    assert json.loads(form.content)["files"][0]["upload-time"] == "2025-01-01T00:00:00.000000Z"
    if "simple-json" not in index_url:
        assert "accept" in form.headers["Vary"].lower(), "a cache on the way keeps the two apart"
        assert "accept" in page.headers["Vary"].lower()
    root = requests.get(index_url, headers={"Accept": f"{SIMPLE_JSON}, text/html;q=0.1"}, timeout=30)
    assert json.loads(root.content)["projects"] == [{"name": "demo"}]


def compiled(index_url: str, newest: str) -> str:
    """Return what `uv pip compile --exclude-newer` gives."""
    argv = [uv(), "pip", "compile", "--no-config", "--no-cache", "--no-header", "--no-annotate", "--exclude-newer"]
    with_index = [newest, "--index-url", index_url, "--python", sys.executable, "-"]
    return run(*argv, *with_index, env=clean_env(UV_PYTHON_DOWNLOADS="never"), stdin="demo\n").stdout
