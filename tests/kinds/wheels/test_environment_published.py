"""Environments on the site: proved before they are shown, an index for each, installed by the real pip and uv."""

from __future__ import annotations

import html
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from simulator.process import clean_env, run
from simulator.project import Project
from simulator.python_files import Dist
from simulator.python_index import PythonIndex
from simulator.sides import Far
from simulator.site_key import SiteKey
from tests.clients.http import serve
from tests.clients.python_env import PythonEnv, uv

from cudepot.catalog.lock import Lock
from cudepot.catalog.lock_document import parse_lock
from cudepot.catalog.site.snapshot import Snapshot, parse_snapshot
from cudepot.cli.progress import Silent
from cudepot.digest import Digest
from cudepot.errors import TrustError
from cudepot.store.local import LocalStore
from cudepot.workflows.bundle.environments import prove_environments

HERE = f"3.{sys.version_info.minor}"
PYTHONS = tuple(dict.fromkeys((HERE, "3.12")))
TARGET = f"linux-64-py{HERE}"
FAST = [
    f"cp{one.replace('.', '')}-cp{one.replace('.', '')}-{platform}"
    for one in PYTHONS
    for platform in ("manylinux_2_17_x86_64", "win_amd64")
]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PythonIndex]:
    with PythonIndex(tmp_path / "pypi") as index:
        index.add(Dist("app", "1.0", ("lib<2", 'colorama; sys_platform == "win32"')))
        index.add(Dist("lib", "1.0", ("fast",)))
        index.add(Dist("lib", "2.0"))
        index.add(Dist("fast", "1.0"), *FAST)
        index.add(Dist("colorama", "0.4"))
        yield index


@pytest.fixture
def team(project: Project, index: PythonIndex) -> Project:
    """A project that pins lib 2.0, and has an environment that needs lib 1.0; locked and synced."""
    project.add("upstream", name="pypi", type="simple", url=index.url)
    project.add("pin", upstream="pypi", packages=["lib==2.0"])
    project.add("environment", name="train", platforms=["linux-64", "win-64"], python=list(PYTHONS), wheels=["app"])
    project.run("lock")
    project.run("sync")
    return project


def shown(project: Project) -> set[str]:
    """Return the names of the wheels that the site shows."""
    return {one.name for one in (project.base / "site/current/wheels").glob("*.whl")}


def listed(project: Project, environment: str = "train") -> set[str]:
    """Return the names of the wheels on the pages of an environment's index."""
    pages = (project.base / f"site/current/environments/{environment}/simple").glob("*/index.json")
    return {file["filename"] for page in pages for file in json.loads(page.read_text())["files"]}


def without(project: Project, text: str) -> None:
    """Take the files whose names hold ``text`` out of the targets that are locked."""
    document = tomllib.loads(project.lock.read_text())
    for target in document["environment"][0]["target"]:
        target["members"] = [one for one in target["members"] if text not in one]
    project.lock.write_text(tomli_w.dumps(document))


def held(project: Project) -> dict[str, Any]:
    """Publish, which has to end with status 6, and return what of the site is not as the lock says."""
    done = project.run("publish", "--json", check=False)
    assert done.rc == 6, done
    return {one["name"]: one for one in done.json["failed"]}


def uv_install(env: PythonEnv, file: Path) -> None:
    """Install what a file says, from where it says."""
    run(uv(), "pip", "install", "--no-config", "--no-cache", "--python", env.python, "-r", file, env=clean_env())


def test_an_index_of_its_own_gives_just_the_solution(team: Project, tmp_path: Path) -> None:
    team.run("publish")
    assert listed(team) == shown(team) - {"lib-2.0-py3-none-any.whl"}
    with serve(team.base / "site/current") as site:
        one, other = PythonEnv(tmp_path / "one"), PythonEnv(tmp_path / "other")
        one.pip_install(f"{site.url}/environments/train/simple/", "lib")
        one.pip_install(f"{site.url}/environments/train/simple/", "app")
        one.pip("check")
        other.uv_install(f"{site.url}/environments/train/simple/", "lib", "app")
        for env in (one, other):
            assert (
                env.run("import app; from importlib.metadata import version; print(version('lib'))").stdout == "1.0\n"
            )
        assert one.pip_install(f"{site.url}/environments/train/simple/", "lib==2.0", check=False).returncode
    assert team.run("verify", "--json").json["faults"] == []


def test_its_export_installs_with_hashes(team: Project, tmp_path: Path) -> None:
    team.run("publish")
    with serve(team.base / "site/current") as site:
        options = ("--environment", "train", "--url", site.url)
        team.run("export", *options, "-o", str(tmp_path / "out"))
        names = {one.name for one in (tmp_path / "out").iterdir()}
        assert names == {
            "pylock.train.toml",
            *(f"train-{p}-py{v}.txt" for p in ("linux-64", "win-64") for v in PYTHONS),
        }
        requirements = tmp_path / "out" / f"train-{TARGET}.txt"
        assert requirements.read_text().startswith("# snapshot 1 of acme: environment train for platform linux-64")
        assert "colorama" not in requirements.read_text()
        printed = team.run("export", *options, "--target", TARGET).out
        assert printed == requirements.read_text()
        for name, install in (
            ("pip", lambda env: env.pip("install", "--no-cache-dir", "-r", str(requirements))),
            ("uv", lambda env: uv_install(env, requirements)),
            ("pylock", lambda env: uv_install(env, tmp_path / "out/pylock.train.toml")),
        ):
            env = PythonEnv(tmp_path / name)
            install(env)
            found = json.loads(env.pip("list", "--format", "json").stdout)
            assert {(one["name"], one["version"]) for one in found} >= {("app", "1.0"), ("lib", "1.0"), ("fast", "1.0")}
            assert "colorama" not in {one["name"] for one in found}
            env.run("import app, lib, fast")


def test_clients_are_given_its_index_alone(team: Project, tmp_path: Path) -> None:
    team.run("publish")
    with serve(team.base / "site/current") as site:
        team.run("client", "pip", "--environment", "train", "--url", site.url, "--output", str(tmp_path / "clients"))
        env = PythonEnv(tmp_path / "env")
        config = {**clean_env(), "PIP_CONFIG_FILE": str(tmp_path / "clients/etc/pip.conf")}
        run(env.python, "-m", "pip", "install", "--no-cache-dir", "lib", env=config)
        assert env.run("from importlib.metadata import version; print(version('lib'))").stdout == "1.0\n"
    assert "it has train" in team.fail(3, "client", "pip", "--environment", "x", "--url", "http://site.example").hint


def test_several_files_need_a_place_or_a_target(team: Project) -> None:
    team.run("publish")
    failed = team.fail(3, "export", "--environment", "train", "--url", "http://site.example")
    assert TARGET in failed.error
    assert "known: train" in team.fail(6, "export", "--environment", "nope", "--url", "http://site.example").hint
    team.fail(6, "export", "--environment", "train", "--target", "nope", "--url", "http://site.example")


def test_what_cannot_be_proved_stays_as_it_was_published_last(team: Project, index: PythonIndex) -> None:
    team.run("publish")
    before = listed(team)
    index.add(Dist("lib", "1.5", ("fast",)))
    index.add(Dist("lib", "3.0"))
    team.sections[1] = team.sections[1].replace("lib==2.0", "lib==3.0")
    team.write()
    team.run("lock", "--upgrade")
    team.run("sync")
    good = team.lock.read_text()
    without(team, "fast-")
    found = held(team)["environment train"]
    assert found["kept"]
    assert "fast" in found["error"]
    assert listed(team) == before
    assert {"lib-1.0-py3-none-any.whl", "lib-3.0-py3-none-any.whl"} <= shown(team), "the pin goes on"
    assert not {"lib-1.5-py3-none-any.whl", "lib-2.0-py3-none-any.whl"} & shown(team)
    assert "environment train" in team.run("status", "--check", check=False).out
    team.run("gc", "--keep", "1", "--force")
    assert team.run("verify", "--json").json["faults"] == []
    team.lock.write_text(good)
    team.run("sync")
    team.run("publish")
    assert "lib-1.5-py3-none-any.whl" in listed(team)
    assert "fault" not in team.run("status").out


def test_what_was_never_published_and_cannot_be_proved_is_left_out(team: Project) -> None:
    without(team, "fast-")
    assert not held(team)["environment train"]["kept"]
    assert not (team.base / "site/current/environments").exists()
    assert shown(team) == {"lib-2.0-py3-none-any.whl"}, "what a pin asks for"


def test_a_file_beyond_the_solution_is_a_difference(team: Project) -> None:
    document = tomllib.loads(team.lock.read_text())
    for target in document["environment"][0]["target"]:
        target["members"] = sorted([*target["members"], "pypi/colorama-0.4-py3-none-any.whl"])
    team.lock.write_text(tomli_w.dumps(document))
    assert f"{TARGET}: lacks colorama" in held(team)["environment train"]["error"]


def test_wheels_of_one_version_that_ask_for_different_things_are_found_out(
    project: Project, index: PythonIndex
) -> None:
    minor = HERE.replace(".", "")
    index.add(Dist("odd", "1.0", ("lib",)), f"cp{minor}-cp{minor}-manylinux_2_17_x86_64", core_metadata="bare")
    index.add(Dist("odd", "1.0", ("lib", "colorama>=9")), f"cp{minor}-cp{minor}-win_amd64", core_metadata="bare")
    project.add("upstream", name="pypi", type="simple", url=index.url)
    project.add("environment", name="train", platforms=["linux-64", "win-64"], python=[HERE], wheels=["odd"])
    project.run("lock")
    project.run("sync")
    done = project.run("publish", check=False)
    assert done.rc == 6
    assert f"no solution for win-64-py{HERE}: " in done.err, "the site's index tells that they differ"
    assert "all versions of odd depend on colorama>=9" in done.err


def test_a_pin_keeps_a_file_that_an_environment_loses(team: Project) -> None:
    team.add("pin", upstream="pypi", packages=["lib==1.0"])
    team.run("lock")
    team.run("publish")
    without(team, "lib-")
    team.run("publish", check=False)
    del team.sections[2]
    team.write()
    team.run("lock")
    team.run("publish")
    assert shown(team) == {"lib-1.0-py3-none-any.whl", "lib-2.0-py3-none-any.whl"}
    assert not (team.base / "site/current/environments").exists()


def test_what_was_proved_of_the_same_files_is_not_proved_again(team: Project, tmp_path: Path) -> None:
    team.run("publish")
    (tmp_path / "broken/uv").mkdir(parents=True)
    (tmp_path / "broken/uv/__init__.py").write_text("def find_uv_bin():\n    raise FileNotFoundError('uv')\n")
    team.env["PYTHONPATH"] = f"{tmp_path / 'broken'}:{team.env['PYTHONPATH']}"
    assert "unchanged" in team.run("publish").out
    (team.store / "proofs.json").unlink()
    done = team.run("publish", check=False)
    assert done.rc, "else the test would not see uv being asked"
    assert "environment train" in done.err


def test_an_environment_whose_files_are_lost_stays_with_its_upstream(team: Project, index: PythonIndex) -> None:
    team.run("publish")
    before = listed(team)
    index.add(Dist("lib", "1.5", ("fast",)))
    team.run("lock", "--upgrade")
    done = team.run("publish", "--json", check=False)
    assert done.rc == 3, "nothing was synced"
    team.run("publish", "--keep-last")
    assert listed(team) == before


@pytest.mark.parametrize("first", ["pypi", "other"])
def test_an_upstream_that_spoils_the_index_of_all_wheels_takes_no_other_with_it(
    project: Project, index: PythonIndex, tmp_path: Path, first: str
) -> None:
    with PythonIndex(tmp_path / "other") as other:
        other.add(Dist("lib", "1.0"))
        urls = {"pypi": index.url, "other": other.url}
        for name in sorted(urls, key=lambda one: one != first):
            project.add("upstream", name=name, type="simple", url=urls[name])
        project.add("pin", upstream="other", packages=["lib==1.0"])
        project.add("environment", name="train", python=[HERE], wheels=["app"], index="pypi")
        project.run("lock")
        project.run("sync")
        failed = {one["name"]: one["error"] for one in project.run("publish", "--json", check=False).json["failed"]}
    assert "lib-1.0-py3-none-any.whl" in shown(project)
    if first == "pypi":
        assert set(failed) == {"other"}
        assert "lib-1.0-py3-none-any.whl" in listed(project)
    else:
        assert set(failed) == {"pypi", "environment train"}
        assert "two wheels are called lib-1.0" in failed["environment train"]
        assert shown(project) == {"lib-1.0-py3-none-any.whl"}


def test_verbs_speak_of_environments(team: Project, index: PythonIndex) -> None:
    team.run("publish")
    index.add(Dist("lib", "1.5", ("fast",)))
    team.run("lock", "--upgrade")
    assert "~ environment train: lib 1.0 -> 1.5 (up)" in team.run("diff", "1", "lock").out
    team.run("sync")
    team.run("publish")
    found = team.run("diff", "2", "1", "--json").json
    assert [one["direction"] for one in found if one["place"] == "environments/train"] == ["down"]
    why = team.run("why", "lib").out
    assert "lib 1.5: published since snapshot 2" in why
    assert "app 1.0 > lib 1.5" in why
    assert "lib 2.0: published since snapshot 1" in why
    assert "pypi: a pin asks for it" in why
    assert team.run("why", "fast", "--json").json["since"][0]["number"] == 1
    [tree] = team.run("tree", "train", "--target", f"win-64-py{HERE}", "--json").json
    assert [(one["depth"], one["name"]) for one in tree["lines"]] == [
        (0, "app"),
        (1, "colorama"),
        (1, "lib"),
        (2, "fast"),
    ]
    assert tree["bytes"] == tree["lines"][0]["below"]
    assert "environment train: " in team.run("status").out
    page = html.unescape((team.base / "site/current/index.html").read_text())
    assert "--index-url 'SITE/environments/train/simple/' app" in page
    team.run("rollback", "1")
    assert "lib-1.0-py3-none-any.whl" in listed(team)
    assert "lib-1.5-py3-none-any.whl" not in shown(team)
    team.run("gc", "--keep", "1", "--force")
    assert "lib 2.0: published at least since snapshot 3" in team.run("why", "lib").out


def test_bundles_carry_environments(team: Project, site_key: SiteKey, tmp_path: Path) -> None:
    team.run("publish")
    team.run("bundle", "export", str(tmp_path / "one.tar"), "--since", "0")
    far = Far(tmp_path / "far", site_key.key_file).init()
    assert far.take(tmp_path / "one.tar")["imported"] == [1]
    far.run("publish")
    assert far.run("verify", "--json").json["faults"] == []
    assert "app 1.0 > lib 1.0" in far.run("why", "lib").out
    assert "environment train: " in far.run("status").out
    text = far.run("export", "--environment", "train", "--target", TARGET, "--url", "http://site.example").out
    assert "--index-url http://site.example/environments/train/simple/" in text
    with serve(far.base / "site/current") as site:
        env = PythonEnv(tmp_path / "env")
        env.pip_install(f"{site.url}/environments/train/simple/", "app")
        env.pip("check")


def imported(project: Project) -> tuple[LocalStore, Lock, Snapshot]:
    """Return what the far side has to judge of the first snapshot."""
    store = LocalStore(project.store)
    snapshot = parse_snapshot(store.snapshots.read(1)[0], "snapshot 1")
    return store, parse_lock(tomllib.loads(store.read(snapshot.lock).decode())), snapshot


def test_the_far_side_takes_no_index_that_the_lock_does_not_have(team: Project) -> None:
    team.run("publish")
    store, lock, snapshot = imported(team)
    prove_environments(store, Silent(), lock, snapshot.tree)
    strange = {**snapshot.tree, "environments/other/simple/index.html": Digest.of(b"")}
    with pytest.raises(TrustError, match=r"environments/other/simple/index.html: belongs to no environment"):
        prove_environments(store, Silent(), lock, strange)


def test_the_far_side_proves_what_the_near_side_says(team: Project) -> None:
    team.run("publish")
    store, lock, snapshot = imported(team)
    gone = {path: one for path, one in snapshot.tree.items() if "train/simple/fast/" not in path}
    with pytest.raises(TrustError, match=r"would not get the locked packages: .*fast"):
        prove_environments(store, Silent(), lock, gone)
    other = {**snapshot.tree, "wheels/fast-1.0-cp312-cp312-win_amd64.whl": Digest.of(b"other")}
    with pytest.raises(TrustError, match=r"would not get the locked packages: .*fast-1.0-cp312-cp312-win_amd64.whl"):
        prove_environments(store, Silent(), lock, other)
