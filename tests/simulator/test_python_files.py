"""The small wheels, sdists and indexes of the simulator, as pip and uv take them."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from simulator.process import clean_env, run
from simulator.python_files import BACKEND, Dist, backend, sdist, stub, wheel
from simulator.python_index import PythonIndex
from tests.clients.python_env import PythonEnv


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PythonIndex]:
    with PythonIndex(tmp_path / "index") as index:
        yield index


@pytest.fixture
def env(tmp_path: Path) -> PythonEnv:
    return PythonEnv(tmp_path / "env")


@pytest.mark.parametrize("client", ["pip", "uv"])
def test_clients_install_extras_and_markers_and_the_newest_that_is_not_yanked(
    index: PythonIndex, env: PythonEnv, client: str
) -> None:
    index.add(Dist("cp-a", "1.0", ("cp-c", 'cp-b>=2; extra == "more"', 'nowhere; sys_platform == "win32"'), ("more",)))
    index.add(Dist("cp-b", "2.0+cu130"), "py3-none-any", "cp311-cp311-manylinux_2_28_aarch64")
    index.add(Dist("CP.c", "1.0"))
    index.add(Dist("CP.c", "2.0"), yanked="broken")
    index.add(Dist("CP.c", "3.0", requires_python=">=4"))
    getattr(env, f"{client}_install")(index.url, "cp-a[more]")
    assert {one.name for one in env.site_packages.glob("cp_*.dist-info")} == {
        "cp_a-1.0.dist-info", "cp_b-2.0+cu130.dist-info", "cp_c-1.0.dist-info",
    }  # fmt: skip
    assert (
        env.run("import cp_a, cp_b; print(cp_b.__version__, cp_a.cp_c.built_for)").stdout == "2.0+cu130 py3-none-any\n"
    )
    assert "No broken" in env.pip("check").stdout


def test_a_package_cannot_be_imported_without_what_it_requires(index: PythonIndex, env: PythonEnv) -> None:
    index.add(Dist("cp-a", "1.0", ("cp-b",)))
    env.pip_install(index.url, "cp-a", options=("--no-deps",))
    assert "No module named 'cp_b'" in env.run("import cp_a", check=False).stderr


@pytest.mark.parametrize("dynamic", [False, True])
def test_an_sdist_is_built_by_its_backend(index: PythonIndex, env: PythonEnv, dynamic: bool) -> None:
    index.offer(backend())
    index.add(Dist("cp-b", "1.0"))
    index.add_source(Dist("cp-a", "1.0", ("cp-b",), dynamic=dynamic))
    env.pip_install(index.url, "cp-a")
    assert env.run("import cp_a; print(cp_a.built_for)").stdout == "sdist\n"
    assert index.files.count(f"*/{BACKEND.replace('-', '_')}-1.0*")


@pytest.mark.parametrize("dynamic", [False, True])
def test_a_dynamic_sdist_does_not_say_what_it_requires(dynamic: bool) -> None:
    _, data = sdist(Dist("cp-a", "1.0", ("cp-b",), dynamic=dynamic))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.extractfile("cp_a-1.0/PKG-INFO")
        assert member is not None
        assert (b"Requires-Dist: cp-b\n" in (info := member.read())) != dynamic
        assert (b"Dynamic: Requires-Dist\n" in info) == dynamic


def test_the_same_gives_the_same_bytes_and_a_marker_others() -> None:
    dist = Dist("cp-a", "1.0")
    assert wheel(dist, size=1000) == wheel(dist, size=1000)
    assert sdist(dist) == sdist(dist)
    assert stub(dist, "http://x/") == stub(dist, "http://x/")
    assert wheel(dist)[1] != wheel(dist, marker="other")[1]


def test_pages_say_in_both_forms_what_a_file_is(index: PythonIndex) -> None:
    dist = Dist("cp-a", "1.0", ("cp-b",), requires_python=">=3.9")
    listed = index.add(dist, yanked="wrong", provenance=b"{}")[0]
    page = requests.get(
        f"{index.url}cp-a/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}, timeout=9
    ).json()
    (row,) = page["files"]
    assert (row["yanked"], row["requires-python"], row["size"]) == ("wrong", ">=3.9", len(index.read(listed.filename)))
    assert b"Requires-Dist: cp-b" in requests.get(f"{row['url']}.metadata", timeout=9).content
    html = requests.get(f"{index.url}cp-a/", timeout=9)
    for one in (
        'data-yanked="wrong"',
        'data-requires-python="&gt;=3.9"',
        f"#sha256={listed.sha256}",
        "data-provenance",
    ):
        assert one in html.text
    assert "ETag" not in html.headers


def test_uv_locks_from_it_by_metadata_alone(index: PythonIndex, tmp_path: Path) -> None:
    index.add(Dist("cp-a", "1.0", ("cp-b>=1,<2",)), size=100_000)
    for version in ("1.0", "1.5", "2.0"):
        index.add(Dist("cp-b", version), size=100_000)
    uv = (
        Path(sys.executable).with_name("uv"),
        "pip",
        "compile",
        "--no-config",
        "--no-cache",
        "--no-header",
        "--no-annotate",
    )
    done = run(*uv, "--default-index", index.url, "-", stdin="cp-a\n", env=clean_env(), cwd=tmp_path)
    assert done.stdout == "cp-a==1.0\ncp-b==1.5\n"
    assert not index.files.count("*.whl")
    assert index.files.count("*.metadata") == 2
