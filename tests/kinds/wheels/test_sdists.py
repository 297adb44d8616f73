"""sdists of environments: named at `lock` with who wants them, or built in isolation, locked, and made again."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from simulator.project import Project
from simulator.python_files import BACKEND, Dist, backend, sdist, tar_gz, wheel
from simulator.python_index import PythonIndex
from simulator.sides import Far
from simulator.site_key import SiteKey
from tests.isolation import isolated

pytestmark = [pytest.mark.tools, isolated]
WHEEL = "old_tool-1.0-py3-none-any.whl"


@pytest.fixture
def world(project: Project, index: PythonIndex) -> Project:
    """An environment that wants `app`, which wants `old-tool`, of which there is an sdist alone."""
    index.add(Dist("app", "1.0", ("old-tool>=1",)))
    index.add_source(Dist("old-tool", "1.0", ("leaf",), dynamic=True))
    index.add(Dist("leaf", "2.0"))
    index.offer(backend())
    project.add("upstream", name="pypi", type="simple", url=index.url)
    return project


def want(project: Project, *names: str, **keys: object) -> None:
    wanted: dict[str, object] = {"name": "train", "platforms": ["linux-64"], "python": ["3.11"], "wheels": ["app"]}
    project.add("environment", **(wanted | ({"build": list(names)} if names else {}) | keys))


def locked(project: Project) -> dict[str, dict[str, Any]]:
    return {one["filename"]: one for one in tomllib.loads(project.lock.read_text())["artifact"]}


def lose_all(project: Project) -> None:
    """Be another machine: cudepot.lock is there, and none of its files."""
    for one in (project.store / "objects").rglob("*"):
        if one.is_file():
            one.unlink()


def test_one_that_no_build_is_for_is_named_with_who_wants_it(world: Project) -> None:
    want(world)
    said = world.fail(6, "lock").err
    assert "old-tool 1.0 (linux-64-py3.11 with glibc 2.28, wanted by app): only a source package" in said
    assert 'build = ["old-tool"] builds wheels from the sources' in said


def test_it_is_built_locked_published_and_installed(world: Project, index: PythonIndex, tmp_path: Path) -> None:
    want(world, "old-tool")
    said = world.run("lock").err
    assert "building a wheel from old_tool-1.0.tar.gz with Python " in said
    assert "differ" not in said
    artifacts = locked(world)
    built = artifacts[WHEEL]["built"]
    assert built["requires"] == ["pypi/tiny_build-1.0-py3-none-any.whl"]
    assert built["python"] == "{}.{}".format(*sys.version_info)
    assert artifacts[WHEEL]["path"].endswith("old_tool-1.0.tar.gz")
    assert artifacts[WHEEL]["requires"] == ["leaf"], "what the sdist does not say and its wheel does"
    assert artifacts["tiny_build-1.0-py3-none-any.whl"]["outputs"] == []
    (environment,) = tomllib.loads(world.lock.read_text())["environment"]
    assert f"pypi/{WHEEL}" in environment["target"][0]["members"]
    world.run("sync")
    world.run("publish")
    shown = {one.name for one in (world.site / "wheels").glob("*.whl")}
    assert shown == {WHEEL, "app-1.0-py3-none-any.whl", "leaf-2.0-py3-none-any.whl"}, "what only builds is not shown"
    install(world, tmp_path)


def install(project: Project, folder: Path) -> None:
    """Install from the site's folder alone, and import."""
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--only-binary", ":all:", "--target"]
    subprocess.run([*command, folder / "env", "-f", project.site / "wheels", "app"], check=True, capture_output=True)
    subprocess.run([sys.executable, "-c", "import app"], check=True, cwd=folder / "env")


def test_nothing_is_built_again_while_the_sdist_is_the_same(world: Project, index: PythonIndex) -> None:
    want(world, "old-tool")
    world.run("lock")
    before = world.lock.read_bytes()
    assert "building" not in world.run("lock").err
    index.add(Dist("leaf", "2.1"))
    index.offer(wheel(Dist(BACKEND, "2.0")))  # a newer backend, which could not even build
    assert "building" not in world.run("lock", "--upgrade").err
    assert b"leaf-2.1" in world.lock.read_bytes()
    assert locked(world)[WHEEL] == {one["filename"]: one for one in tomllib.loads(before.decode())["artifact"]}[WHEEL]


def test_a_build_is_not_lost_with_the_lock_that_wanted_it(world: Project, index: PythonIndex) -> None:
    want(world, "old-tool", wheels=["app", "only-for-others"])
    index.add(Dist("only-for-others", "1.0"), "cp311-cp311-win_amd64")
    assert "building" in world.fail(6, "lock").err
    index.add(Dist("only-for-others", "1.1"))
    assert "building" not in world.run("lock").err
    assert locked(world)[WHEEL]["built"]["requires"] == ["pypi/tiny_build-1.0-py3-none-any.whl"]
    world.publish()


def test_what_it_was_built_with_and_is_offered_no_more_is_told_once(world: Project, index: PythonIndex) -> None:
    want(world, "old-tool")
    world.run("lock")
    before = world.lock.read_bytes()
    index.drop(BACKEND)
    told = "tiny_build-1.0-py3-none-any.whl, which old-tool was built with: pypi no longer offers it"
    assert told in (done := world.run("lock")).out + done.err
    assert told not in (done := world.run("lock")).out + done.err
    assert world.lock.read_bytes() == before
    world.publish()


def test_two_environments_have_one_wheel(world: Project) -> None:
    want(world, "old-tool")
    want(world, "old-tool", name="other", wheels=["old-tool"])
    assert world.run("lock").err.count("building") == 1
    world.publish()


def test_a_dry_run_of_lock_leaves_nothing(world: Project) -> None:
    want(world, "old-tool")
    before = world.everything()
    world.run("lock", "--dry-run")
    after = world.everything()
    assert {one for one in after.keys() ^ before.keys() if "cudepot.log" not in str(one)} == set()


def test_an_sdist_of_which_other_bytes_are_offered_is_an_alarm(world: Project, index: PythonIndex) -> None:
    want(world, "old-tool")
    world.run("lock")
    before = world.lock.read_bytes()
    index.drop("old-tool")
    index.offer(sdist(Dist("old-tool", "1.0", ("leaf<9",), dynamic=True)))
    assert "old-tool 1.0 any: locked with sha256" in world.fail(5, "lock").error
    assert world.lock.read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="built on Linux")
def test_what_builds_is_for_this_machine(world: Project, index: PythonIndex) -> None:
    tag = "cp{0}{1}-cp{0}{1}-manylinux_2_17_x86_64".format(*sys.version_info)
    index.add(Dist("helper", "1.0"), tag, "cp312-cp312-win_amd64")
    index.drop("old-tool")
    index.offer(sdist(Dist("old-tool", "1.0"), build_requires=(BACKEND, "helper")))
    want(world, "old-tool", platforms=["win-64"], python=["3.12"])
    world.run("lock")
    assert f"pypi/helper-1.0-{tag}.whl" in locked(world)[WHEEL]["built"]["requires"]


def test_another_store_makes_the_same_wheel_again(world: Project) -> None:
    want(world, "old-tool")
    world.run("lock")
    lose_all(world)
    said = world.run("sync").err
    assert f"{WHEEL} is not in the store: building it again" in said
    assert world.run("sync").err.count("building") == 0
    world.run("publish")


def test_a_dry_run_says_what_is_to_be_fetched_and_builds_nothing(world: Project) -> None:
    want(world, "old-tool")
    world.run("lock")
    lose_all(world)
    assert "building" not in world.run("sync", "--dry-run").err
    assert not list((world.store / "objects").rglob("*/*"))


def test_a_wheel_that_is_here_needs_neither_its_sdist_nor_what_built_it(world: Project, index: PythonIndex) -> None:
    want(world, "old-tool")
    world.run("lock")
    world.run("sync")
    index.lose("old_tool-1.0.tar.gz")
    world.run("gc")
    assert "building" not in world.run("sync").err
    world.run("publish")
    world.run("verify")


def test_the_far_side_of_an_air_gap_has_the_wheel_and_builds_nothing(
    world: Project, site_key: SiteKey, tmp_path: Path
) -> None:
    want(world, "old-tool")
    world.publish()
    world.run("bundle", "export", str(tmp_path / "one.tar"), "--since", "0")
    far = Far(tmp_path / "far", site_key.key_file).init()
    assert far.take(tmp_path / "one.tar")["imported"] == [1]
    assert "building" not in far.run("publish").err
    shown = {one.name for one in (far.site / "wheels").glob("*.whl")}
    assert shown == {WHEEL, "app-1.0-py3-none-any.whl", "leaf-2.0-py3-none-any.whl"}
    install(far, tmp_path)


def test_exports_have_the_hash_of_the_wheel(world: Project) -> None:
    want(world, "old-tool")
    world.publish()
    said = world.run("export", "--environment", "train", "--target", "linux-64-py3.11", "--url", "http://x.invalid").out
    assert f"--hash=sha256:{locked(world)[WHEEL]['sha256']}" in said
    assert BACKEND not in said
    assert locked(world)[WHEEL]["built"]["sha256"] not in said


def test_one_whose_bytes_change_each_time_is_named_and_kept(world: Project, index: PythonIndex) -> None:
    index.drop("old-tool")
    index.offer(own_sdist("result = os.urandom(8)"))
    want(world, "old-tool")
    said = world.run("lock").err
    assert f"{WHEEL}: two builds of old_tool-1.0.tar.gz differ (old_tool.py)" in said
    assert locked(world)[WHEEL]["built"]["again"] is False
    world.run("sync")
    world.run("publish")
    lose_all(world)
    said = world.fail(11, "sync").err
    assert f"{WHEEL}: the rebuilt wheel is not the locked one; two builds already differed when it was locked" in said


OWN = """
import os, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    {body}
    name, info = "{name}", "old_tool-1.0.dist-info/"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as out:
        out.writestr(zipfile.ZipInfo("old_tool.py"), str(result))
        out.writestr(zipfile.ZipInfo(info + "METADATA"), "Metadata-Version: 2.1\\nName: old-tool\\nVersion: 1.0\\n")
        out.writestr(zipfile.ZipInfo(info + "WHEEL"), "Wheel-Version: 1.0\\n")
        out.writestr(zipfile.ZipInfo(info + "RECORD"), "")
    return name
"""
INFO = b"Metadata-Version: 2.1\nName: old-tool\nVersion: 1.0\n"
OWN_TOML = b'[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'


def own_sdist(body: str, name: str = WHEEL, more: str = "") -> tuple[str, bytes]:
    """Return an sdist that brings its own backend."""
    made = (OWN.format(body=body, name=name) + more).encode()
    files = {"PKG-INFO": INFO, "pyproject.toml": OWN_TOML, "own.py": made}
    return "old_tool-1.0.tar.gz", tar_gz({f"old_tool-1.0/{one}": data for one, data in files.items()})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import urllib.request as r; r.urlopen('https://host.invalid/')", "its build needs the network"),
        ("result = open('/usr/x', 'w')", "its build writes outside"),
        ("result = 1 / 0", "its build ends with an error"),
    ],
)
def test_a_build_that_fails_is_told_and_nothing_is_locked(
    world: Project, index: PythonIndex, body: str, said: str
) -> None:
    index.drop("old-tool")
    index.offer(own_sdist(body))
    want(world, "old-tool")
    told = world.fail(11, "lock").err
    assert f"old_tool-1.0.tar.gz: {said}" in told
    assert not world.lock.exists() or "old_tool" not in world.lock.read_text()


@pytest.mark.parametrize(
    ("keys", "name", "said"),
    [
        ({"platforms": ["win-64"]}, "cp311-cp311-linux_x86_64", "but win-64-py3.11 needs another"),
        ({"python": ["3.99"]}, "cp311-cp311-linux_x86_64", "must be built with Python 3.99, which this machine does"),
        ({}, "cp37-cp37m-linux_x86_64", "which does not fit linux-64-py3.11"),
    ],
)
@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the wheel's tag is of Python 3.11")
def test_a_target_that_no_wheel_can_be_made_for_is_named(
    world: Project, index: PythonIndex, keys: dict[str, object], name: str, said: str
) -> None:
    index.drop("old-tool")
    index.offer(own_sdist("result = 1", f"old_tool-1.0-{name}.whl"))
    want(world, "old-tool", **keys)
    assert said in world.fail(11, "lock").err


def test_a_wheel_of_another_project_is_refused(world: Project, index: PythonIndex) -> None:
    index.drop("old-tool")
    index.offer(own_sdist("result = 1", "other-1.0-py3-none-any.whl"))
    want(world, "old-tool")
    assert "which is not a wheel of old-tool 1.0" in world.fail(11, "lock").err


def test_what_a_build_requires_and_nobody_has_is_told(world: Project, index: PythonIndex) -> None:
    index.drop("old-tool")
    index.offer(sdist(Dist("old-tool", "1.0"), build_requires=("nowhere-to-be-had",)))
    want(world, "old-tool")
    said = world.fail(6, "lock").err
    assert "old_tool-1.0.tar.gz: its build requirements cannot be met" in said
    assert "nowhere-to-be-had" in said


def test_what_only_the_backend_says_is_locked_too(world: Project, index: PythonIndex) -> None:
    index.add(Dist("helper", "1.0", ("leaf",)))
    index.drop("old-tool")
    more = '\ndef get_requires_for_build_wheel(config_settings=None):\n    return ["helper>=1"]\n'
    index.offer(own_sdist("import helper; result = helper.__version__", more=more))
    want(world, "old-tool")
    world.run("lock")
    requires = locked(world)[WHEEL]["built"]["requires"]
    assert requires == ["pypi/helper-1.0-py3-none-any.whl", "pypi/leaf-2.0-py3-none-any.whl"]
    lose_all(world)
    world.run("sync")


def test_one_sdist_gives_one_wheel_for_all_pythons(world: Project) -> None:
    want(world, "old-tool", python=["3.11", "3.12", "3.13"], platforms=["linux-64", "linux-aarch64", "win-64"])
    assert world.run("lock").err.count("building") == 1
    (environment,) = tomllib.loads(world.lock.read_text())["environment"]
    assert all(f"pypi/{WHEEL}" in one["members"] for one in environment["target"])
    assert len(environment["target"]) == 9


REAL = {
    "setuptools": ("setuptools.build_meta", '[project]\nname = "old-tool"\nversion = "1.0"\ndependencies = ["leaf"]\n'),
    "flit_core": ("flit_core.buildapi", '[project]\nname = "old-tool"\nversion = "1.0"\ndescription = "x"\n'),
    "hatchling": ("hatchling.build", '[project]\nname = "old-tool"\nversion = "1.0"\n'),
}


@pytest.fixture(scope="session")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backends")
    command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary", ":all:", "-d", folder, *REAL]
    subprocess.run(command, check=True)
    return folder


@pytest.mark.slow
@pytest.mark.lengthy
@pytest.mark.parametrize("name", REAL)
def test_real_backends_give_the_same_bytes_twice(
    world: Project, index: PythonIndex, backends: Path, name: str, tmp_path: Path
) -> None:
    for one in backends.glob("*.whl"):
        index.offer((one.name, one.read_bytes()))
    backend_of, project = REAL[name]
    build = f'[build-system]\nrequires = ["{name}"]\nbuild-backend = "{backend_of}"\n{project}'
    files = {"pyproject.toml": build.encode(), "old_tool.py": b'"""A tool."""\n', "PKG-INFO": INFO}
    index.drop("old-tool")
    index.offer(("old_tool-1.0.tar.gz", tar_gz({f"old_tool-1.0/{path}": data for path, data in files.items()})))
    want(world, "old-tool")
    assert "differ" not in world.run("lock").err
    requires = locked(world)[next(one for one in locked(world) if one.startswith("old_tool"))]["built"]["requires"]
    assert any(name in one for one in requires)
    world.publish()
    install(world, tmp_path)
