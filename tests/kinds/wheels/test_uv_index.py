"""What uv is shown on loopback, what it is refused, and what of the user's it never sees."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from tests.kinds.wheels.toy_index import ANY, LINUX, MAC, WINDOWS, ToyIndex

from cudepot.errors import BuildError, CudepotError, MissingError, TrustError
from cudepot.kinds.wheels import uv
from cudepot.kinds.wheels.resolve import resolve
from cudepot.kinds.wheels.rules.question import Question
from cudepot.kinds.wheels.rules.target import Target
from cudepot.kinds.wheels.uv_index import UvIndex, serving

L312 = Target("linux-64", "3.12", "2.28")


@pytest.fixture
def toy() -> ToyIndex:
    index = ToyIndex()
    index.add("a-b", "1.0", "c", tags=(LINUX, WINDOWS, MAC), python=">=3.9", yanked=True)
    index.add("a-b", "2.0", source=True, tags=())
    index.add("a-b", "3.0", tags=(MAC,))
    return index


@pytest.fixture
def index(toy: ToyIndex) -> UvIndex:
    return UvIndex(toy, (L312,))


@pytest.fixture
def url(index: UvIndex) -> Iterator[str]:
    with serving(index) as found:
        yield found


def get(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        body: bytes = answer.read()
        return body


def status(url: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(url)
    with caught.value as error:
        return error.code


def rows(url: str, project: str = "a-b") -> dict[str, dict[str, object]]:
    return {one["filename"]: one for one in json.loads(get(f"{url}{project}/"))["files"]}


def test_a_page_shows_what_a_target_could_take(url: str, index: UvIndex) -> None:
    found = rows(url)
    assert list(found) == [f"a_b-1.0-{LINUX}.whl", f"a_b-2.0-{ANY}.whl"]
    first = found[f"a_b-1.0-{LINUX}.whl"]
    assert (first["requires-python"], first["yanked"], first["hashes"]) == (">=3.9", True, {})
    index.lenient = True
    assert list(rows(url)) == [*found, f"a_b-3.0-{ANY}.whl"], "every version, where all that lack wheels are counted"


def test_a_wheel_for_all_machines_has_no_placeholder_beside(toy: ToyIndex) -> None:
    toy.add("pure", "1", python=">=3.12", source=True)
    with serving(UvIndex(toy, (L312, Target("linux-64", "3.11", "2.28")))) as url:
        body = json.loads(get(f"{url}pure/"))
    assert [one["filename"] for one in body["files"]] == [f"pure-1-{ANY}.whl"]


def test_metadata_lies_beside_each_wheel(url: str, toy: ToyIndex) -> None:
    link = str(rows(url)[f"a_b-1.0-{LINUX}.whl"]["url"])
    for _ in range(2):
        assert b"Requires-Dist: c" in get(urljoin(f"{url}a-b/", f"{link}.metadata"))
    assert b"Version: 2.0" in get(f"{url.removesuffix('simple/')}files/a-b/a_b-2.0-{ANY}.whl.metadata")
    assert toy.asked == [f"a_b-1.0-{LINUX}.whl", "a_b-2.0.tar.gz"], "each is read once"


def test_a_wheel_for_other_machines_speaks_before_sources_do(toy: ToyIndex) -> None:
    toy.add("a", "1.0", "c", tags=(MAC,), source=True)
    with serving(UvIndex(toy, (L312,))) as url:
        assert list(rows(url, "a")) == [f"a-1.0-{ANY}.whl"]
        get(f"{url.removesuffix('simple/')}files/a/a-1.0-{ANY}.whl.metadata")
    assert toy.asked == [f"a-1.0-{MAC}.whl"], "sources are big, and have to be fetched whole"


def test_what_is_not_there_is_not_found(url: str, index: UvIndex) -> None:
    base = url.removesuffix("simple/")
    token = base.rstrip("/").rpartition("/")[2]
    for other in (
        f"{url}nothing/", f"{url}a-b", f"{url}A_B/", f"{base}files/a-b/a_b-9.0-{ANY}.whl.metadata", f"{base}../simple/",
        url.replace(token, "x" * len(token)), url.replace(token + "/", ""), f"{base}simple/a-b/../../x",
    ):  # fmt: skip
        assert status(other) == 404, other
    assert index.error is None


def test_the_bytes_of_a_file_are_refused_and_end_the_run(url: str, index: UvIndex) -> None:
    assert status(f"{url.removesuffix('simple/')}files/a-b/a_b-1.0-{LINUX}.whl") == 500
    assert isinstance(index.error, TrustError)
    assert status(f"{url}a-b/") == 500, "nothing is answered any more"


def test_the_first_error_is_kept(url: str, toy: ToyIndex, index: UvIndex) -> None:
    toy.errors["a-b"] = MissingError("first")
    toy.errors["c"] = CudepotError("second")
    assert [status(f"{url}{one}/") for one in ("a-b", "c")] == [500, 500]
    assert index.error is toy.errors["a-b"]


@pytest.mark.tools
def test_nothing_of_the_users_reaches_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / ".config" / "uv").mkdir(parents=True)
    (home / ".config" / "uv" / "uv.toml").write_text('[[index]]\nurl = "http://127.0.0.1:1/"\n')
    for name, value in {
        "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "UV_INDEX": "http://127.0.0.1:1/",
        "UV_OFFLINE": "1", "UV_PYTHON": "2.7", "UV_CONSTRAINT": "/none", "UV_EXCLUDE_NEWER": "2000-01-01",
        "HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1", "PIP_INDEX_URL": "http://127.0.0.1:1/",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    toy = ToyIndex()
    toy.add("a", "1")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert resolve(Question(("a",), (L312,)), toy, scratch)[L312][0].version == "1"
    assert {one.name for one in home.iterdir()} == {".config"}


@pytest.mark.tools
def test_what_uv_stumbles_over_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(BuildError, match=r"uv ended with 2: .*TOML parse error"):
        uv.run_lock(tmp_path, "http://127.0.0.1:1/simple/")


@pytest.mark.tools
def test_an_interrupt_ends_uv_too(tmp_path: Path) -> None:
    program = f"""
import signal, sys, threading
from pathlib import Path
from tests.kinds.wheels.toy_index import ToyIndex
from cudepot.kinds.wheels.resolve import resolve
from cudepot.kinds.wheels.rules.question import Question
from cudepot.kinds.wheels.rules.target import Target
class Slow(ToyIndex):
    def files(self, project):
        print("asked", flush=True)
        threading.Event().wait()
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
resolve(Question(("a",), (Target("linux-64", "3.12", "2.28"),)), Slow(), Path({str(tmp_path)!r}))
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout
    assert child.stdout.readline() == b"asked\n"
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    assert len(children) == 1
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert b"KeyboardInterrupt" in said
    for _ in range(100):
        if not Path(f"/proc/{children[0]}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{children[0]}").exists()
