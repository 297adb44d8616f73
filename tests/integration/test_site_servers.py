"""The site through ``cudepot serve``, nginx and Caddy as docs/sites.md sets them up: HTTP, and real clients."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.clients import conda_env, web
from tests.clients.apt import AptRoot
from tests.clients.python_env import PythonEnv
from tests.integration.test_main_job import published  # noqa: F401 - a fixture
from tests.integration.world import Project

APT = "/apt/ubuntu2004/x86_64"


@dataclass
class Answer:
    """What a server answered, bytes as they came."""

    status: int
    headers: dict[str, str]
    body: bytes


Get = Callable[..., Answer]
Server = Callable[[Path], contextlib.AbstractContextManager[str]]


@pytest.fixture(scope="module", params=["serve", "nginx", "caddy", "alone"])
def url(request: pytest.FixtureRequest, published: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: F811
    folder = tmp_path_factory.mktemp(request.param)
    servers = {"serve": lambda: web.serve(published.folder), "nginx": lambda: web.nginx(published.folder, folder),
               "caddy": lambda: web.caddy(published.folder, folder),
               "alone": lambda: web.alone(published.folder)}  # fmt: skip
    with servers[request.param]() as found:
        yield found


@pytest.fixture
def get(url: str) -> Get:
    def ask(path: str, method: str = "GET", **headers: str) -> Answer:
        host = url.removeprefix("http://")
        with contextlib.closing(http.client.HTTPConnection(host, timeout=30)) as one:
            one.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            got = one.getresponse()
            return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())

    return ask


def test_compressed_indexes_arrive_as_they_were_signed(get: Get) -> None:
    plain, packed = get(f"{APT}/Packages"), get(f"{APT}/Packages.gz", Accept_Encoding="gzip, zstd, br")
    assert "content-encoding" not in packed.headers
    assert packed.headers["content-type"] == "application/gzip"
    assert gzip.decompress(packed.body) == plain.body
    again = get(f"{APT}/Packages", Accept_Encoding="gzip")
    assert "content-encoding" not in again.headers
    assert again.body == plain.body


def test_ranges(get: Get) -> None:
    whole = get(f"{APT}/InRelease").body
    part = get(f"{APT}/InRelease", Range="bytes=5-9")
    assert (part.status, part.body) == (206, whole[5:10])
    assert part.headers["content-range"] == f"bytes 5-9/{len(whole)}"
    tag = get(f"{APT}/InRelease").headers["etag"]
    assert get(f"{APT}/InRelease", Range="bytes=5-", If_Range=tag).status == 206
    assert get(f"{APT}/InRelease", Range="bytes=5-", If_Range='"other"').body == whole
    assert get(f"{APT}/InRelease", Range=f"bytes={len(whole)}-").status == 416


def test_conditional_requests(get: Get) -> None:
    head = get(f"{APT}/InRelease", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) == len(get(f"{APT}/InRelease").body)
    same = get(f"{APT}/InRelease", If_None_Match=head.headers["etag"])
    assert (same.status, same.body) == (304, b"")
    assert get(f"{APT}/InRelease", If_None_Match='"other"').status == 200
    assert get(f"{APT}/InRelease", If_Modified_Since="Mon, 01 Jan 2018 00:00:00 GMT").status == 200
    later = get(f"{APT}/InRelease", If_Modified_Since="Mon, 01 Jan 2035 00:00:00 GMT")
    assert later.status == 200, "after a rollback files are older than what clients have"


def test_dates_count_for_clients_that_send_nothing_else(
    get: Get,
    url: str,
    request: pytest.FixtureRequest,
    published: Project,  # noqa: F811
) -> None:
    if "caddy" in request.node.callspec.id:
        pytest.skip("docs/sites.md takes the date from Caddy, which takes older for unchanged")
    os.utime(published.site / APT[1:] / "InRelease", (1.6e9, 1.6e9))  # a file just written has no date that counts
    date = get(f"{APT}/InRelease").headers["last-modified"]
    assert get(f"{APT}/InRelease", If_Modified_Since=date).status == 304


def test_caches_are_told_how_long(get: Get, published: Project) -> None:  # noqa: F811
    hashed = next((published.site / APT[1:] / "by-hash/SHA256").iterdir()).name
    for path in (f"{APT}/by-hash/SHA256/{hashed}", f"{APT}/libcudnn8_8.0.5.39-1+cuda11.1_amd64.deb"):
        assert "immutable" in get(path.replace("+", "%2b")).headers["cache-control"], path
    keyring = "/compute/cuda/repos/ubuntu2004/x86_64/cuda-keyring_1.1-1_all.deb"  # made anew with the site's address
    (published.site / keyring[1:]).parent.mkdir(parents=True, exist_ok=True)
    (published.site / keyring[1:]).write_bytes(b"deb")
    twin = keyring.replace("cuda-keyring_1.1-1_all", "libcudnn8_8_amd64")
    (published.site / twin[1:]).write_bytes(b"deb")
    assert "immutable" in get(twin).headers["cache-control"]
    for path in (
        f"{APT}/InRelease", "/simple/", "/snapshot.json", "/conda/main/linux-64/repodata.json", keyring,
    ):  # fmt: skip
        assert "max-age=60" in get(path).headers["cache-control"], path
    shutil.rmtree(published.site / "compute")


@pytest.mark.parametrize(
    "path",
    ["/nothing", f"{APT}/nothing.deb", "/../store/FORMAT", "/%2e%2e/%2e%2e/cudepot.toml", "/..%2f..%2fcudepot.toml"],
)
def test_what_is_not_there_answers_404(get: Get, path: str) -> None:
    answer = get(path)
    assert answer.status in ((400, 404) if "%" in path or ".." in path else (404,)), answer
    assert b"[site]" not in answer.body


def test_names_are_found_as_clients_write_them(get: Get, published: Project) -> None:  # noqa: F811
    name = "libcudnn8_8.0.5.39-1+cuda11.1_amd64.deb"
    body = (published.site / APT[1:] / name).read_bytes()
    for asked in (name, name.replace("+", "%2b"), name.replace("+", "%2B"), f"./{name}"):
        answer = get(f"{APT}/{asked}")
        assert (answer.status, answer.body) == (200, body), asked


def test_nothing_can_be_written(get: Get) -> None:
    for method in ("PUT", "POST", "DELETE"):
        assert get(f"{APT}/InRelease", method=method).status in (403, 405)


def test_apt_get_conda_and_pip_install(url: str, published: Project, tmp_path: Path) -> None:  # noqa: F811
    root = AptRoot(tmp_path / "root")
    root.add_source(f"{url}{APT}/", published.key)
    root.update()
    root.install("libcudnn8=8.0.5.39-1+cuda11.1")
    standin = conda_env.standin_channel(tmp_path / "forge")
    found = conda_env.create([f"{url}/conda/main", standin.as_uri()], ["cudnn=8.0.5.39"], tmp_path / "env", cuda="11.1")
    assert found["cudnn"].url.startswith(url)
    env = PythonEnv(tmp_path / "venv")
    env.pip_install(f"{url}/simple/", "nvidia-cudnn-cu11==8.0.5.39")
    env.uv_install(f"{url}/simple/", "nvidia-cudnn-cu11==8.0.5.39", options=("--reinstall",))
    assert (env.lib / "libcudnn.so.8").is_file()


@pytest.mark.parametrize("server", [web.serve, web.alone])
def test_serve_negotiates_the_wheel_index(published: Project, server: Server) -> None:  # noqa: F811
    import requests

    with server(published.folder) as url:
        accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
        page = requests.get(f"{url}/simple/nvidia-cudnn-cu11/", headers={"Accept": accept}, timeout=30)
        assert page.headers["Content-Type"] == "application/vnd.pypi.simple.v1+json"
        assert page.headers["Vary"] == "Accept"
        assert json.loads(page.content)["name"] == "nvidia-cudnn-cu11"
        html = requests.get(f"{url}/simple/nvidia-cudnn-cu11", headers={"Accept": "text/html"}, timeout=30)
        assert html.url.endswith("/simple/nvidia-cudnn-cu11/"), "sent to the folder"
        assert html.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("server", [web.serve, web.alone])
def test_serve_follows_a_switch(published: Project, server: Server, tmp_path: Path) -> None:  # noqa: F811
    import requests

    (tmp_path / "cudepot.toml").write_text(published.toml.read_text())
    (tmp_path / "store").symlink_to(published.folder / "store")
    for number in (1, 2):
        (tmp_path / f"site/snapshots/{number:06d}").mkdir(parents=True)
        (tmp_path / f"site/snapshots/{number:06d}/which").write_text(str(number))
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "site/snapshots/000001/link").symlink_to(tmp_path / "outside")
    (tmp_path / "site/current").symlink_to("snapshots/000001")
    with server(tmp_path) as url:
        assert requests.get(f"{url}/which", timeout=30).text == "1"
        os.utime(tmp_path / "site/current/which", (time.time() + 60, time.time() + 60))  # as young as can be
        assert "Last-Modified" not in requests.get(f"{url}/which", timeout=30).headers, "too young for a date"
        assert requests.get(f"{url}/link", timeout=30).status_code == 404
        (tmp_path / "new").symlink_to("snapshots/000002")
        (tmp_path / "new").rename(tmp_path / "site/current")
        assert requests.get(f"{url}/which", timeout=30).text == "2"


def test_serve_says_what_it_cannot_do(published: Project) -> None:  # noqa: F811
    with web.serve(published.folder) as url:
        done = published.cudepot("serve", "--port", url.rpartition(":")[2], check=False)
    assert done.returncode == 3
    assert "Address already in use" in done.stderr
    assert published.cudepot("serve", "--bind", "nonsense", check=False).returncode == 3
    assert published.cudepot("serve", "--port", "99999", check=False).returncode == 2
