"""Environments from the files people have: conda's, conda-lock's and pixi's; and such files against the site alone."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from simulator.conda_channel import CondaChannel, CondaPackage
from simulator.process import ToolError
from simulator.project import Project
from simulator.python_files import Dist
from simulator.python_index import PythonIndex
from simulator.server import Server
from tests.clients import conda_env
from tests.kinds.conda.world import NAME, Forge, forging

THEIRS = f"https://conda.anaconda.org/{NAME}"
PACKAGES = (
    CondaPackage("python", "3.12.8", "h1_0", depends=("libzlib", "tzdata")),
    CondaPackage("python", "3.12.9", "h1_0", depends=("libzlib", "tzdata")),
    CondaPackage("pip", "25.0", "py_0", depends=("python >=3.9",), subdir="noarch"),
    CondaPackage("libzlib", "1.3.1", "h1_2", 2, subdir="linux-aarch64"),
    CondaPackage("libzlib", "1.2.13", "h0_6", 6, subdir="linux-aarch64"),
    CondaPackage("cudnn", "9.10", "h13_0", depends=("libzlib",)),
)
OLD = ("libzlib-1.2.13-h0_6.tar.bz2", "python-3.12.8-h1_0.conda")
"""What a lock names of linux-64, though there is newer, and the first of them as ``.conda`` as well."""
SHARED = ("pip-25.0-py_0.conda", "tzdata-2026.1-h2_0.conda")


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with forging(tmp_path, PACKAGES) as made:
        yield made


def want(project: Project, forge: Forge, files: str | list[str], **more: object) -> None:
    project.sections.clear()
    project.add("upstream", name=NAME, type="conda", url=forge.url)
    project.add("environment", name="dl", conda_files=files, **more)


def wrote(project: Project, name: str, text: str) -> str:
    (project.base / name).write_text(text)
    return name


def document(project: Project) -> dict[str, Any]:
    return tomllib.loads(project.lock.read_text())


def members(project: Project, target: str = "linux-64") -> list[str]:
    (found,) = [one for one in document(project)["environment"] if one["kind"] == "conda"]
    (here,) = [one for one in found["target"] if one["name"] == target]
    return sorted(one.rpartition("/")[2] for one in here["members"])


def publish(project: Project) -> None:
    for verb in ("lock", "sync", "publish"):
        project.run(verb)


def explicit(forge: Forge, *filenames: str, subdir: str = "linux-64") -> str:
    """Return an explicit file as conda writes it."""
    lines = [f"# platform: {subdir}", "@EXPLICIT"]
    for place, names in ((subdir, filenames), ("noarch", SHARED if subdir == "linux-64" else ())):
        lines += [f"{THEIRS}/{place}/{one}#{forge.channel.records[place][one]['md5']}" for one in names]
    return "\n".join([*lines, ""])


def pixi_lock(forge: Forge) -> str:
    """Return a pixi.lock of the same, as pixi 0.40 and later write it."""
    urls = [f"{THEIRS}/linux-64/{one}" for one in OLD] + [f"{THEIRS}/noarch/{one}" for one in SHARED]
    records = [forge.channel.records[url.rsplit("/", 2)[1]][url.rpartition("/")[2]] for url in urls]
    described = [
        {"conda": url, "sha256": one["sha256"], "md5": one["md5"], "depends": one["depends"]}
        for url, one in zip(urls, records, strict=True)
    ]
    listed = {"linux-64": [{"conda": one} for one in urls]}
    environments = {"default": {"channels": [{"url": f"{THEIRS}/"}], "packages": listed}}
    return yaml.safe_dump({"version": 6, "environments": environments, "packages": described}, sort_keys=False)


def conda_lock(forge: Forge) -> str:
    """Return a conda-lock.yml of the same."""
    places = [("linux-64", one) for one in OLD] + [("noarch", one) for one in SHARED]
    packages = [
        {
            "name": filename.rsplit("-", 2)[0], "version": filename.rsplit("-", 2)[1], "manager": "conda",
            "platform": "linux-64", "dependencies": {}, "url": f"{THEIRS}/{place}/{filename}",
            "hash": {key: forge.channel.records[place][filename][key] for key in ("md5", "sha256")},
            "category": "main", "optional": False,
        }
        for place, filename in places
    ]  # fmt: skip
    metadata = {"channels": [{"url": NAME, "used_env_vars": []}], "platforms": ["linux-64"], "sources": ["e.yml"]}
    return yaml.safe_dump({"version": 1, "metadata": metadata, "package": packages}, sort_keys=False)


def test_an_environment_file_says_what_and_where_from(project: Project, forge: Forge) -> None:
    other = CondaChannel(forge.server.root / "vendor")
    other.add(CondaPackage("libzlib", "1.2.0", "vendor_0"))
    other.publish()
    text = f"name: x\nchannels: [{forge.server.url}/vendor/, {THEIRS}]\ndependencies: [python=3.12.8]\n"
    want(project, forge, wrote(project, "environment.yml", text), conda=["cudnn"])
    project.add("upstream", name="vendor", type="conda", url=f"{forge.server.url}/vendor")
    project.run("lock")
    assert "libzlib-1.2.0-vendor_0.conda" in members(project), "the first channel of the file"
    assert {"python-3.12.8-h1_0.conda", "cudnn-9.10-h13_0.conda"} <= {*members(project)}
    assert document(project)["environment"][0]["roots"] == ["cudnn", "python=3.12.8"]
    before = project.lock.read_bytes()
    project.run("lock")
    assert project.lock.read_bytes() == before
    wrote(project, "environment.yml", text.replace("python=3.12.8", "python"))
    project.run("lock", "--upgrade", "python")
    assert "python-3.12.9-h1_0.conda" in members(project)


def test_a_package_of_one_channel_is_taken_from_that(project: Project, forge: Forge) -> None:
    other = CondaChannel(forge.server.root / "vendor")
    other.add(CondaPackage("libzlib", "1.2.0", "vendor_0"))
    other.publish()
    text = f"channels: [vendor, {NAME}]\ndependencies: ['{NAME}::libzlib']\n"
    want(project, forge, wrote(project, "environment.yml", text))
    project.add("upstream", name="vendor", type="conda", url=f"{forge.server.url}/vendor")
    project.run("lock")
    assert members(project) == ["libzlib-1.3.1-h1_2.conda"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("channels: [bioconda]\ndependencies: [zlib]", "environment.yml:1: no upstream is channel 'bioconda'"),
        ("dependencies:\n- zlib\n- bioconda::x", "environment.yml:3: no upstream is channel 'bioconda'"),
        ("dependencies:\n- zlib\n- 'zlib >=>'", "environment.yml:3: 'zlib >=>'"),
        ("dependencies:\n- zlib\n- pip:\n  - requests", "environment.yml:4 requests"),
        (f"@EXPLICIT\n{THEIRS}/linux-64/libzlib-9-h0_6.conda", "environment.yml:2 linux-64/libzlib-9-h0_6.conda"),
        (f"@EXPLICIT\n{THEIRS}/linux-64/zlib-1.3.1-h1_2.conda#{'1' * 32}", "environment.yml:2: zlib-1.3.1-h1_2.conda"),
        (f"# platform: win-64\n@EXPLICIT\n{THEIRS}/noarch/tzdata-2026.1-h2_0.conda", "nothing is locked for linux-64"),
    ],
)
def test_what_cannot_be_met_is_told_with_its_line(project: Project, forge: Forge, text: str, said: str) -> None:
    want(project, forge, wrote(project, "environment.yml", text))
    done = project.run("lock", check=False)
    assert done.rc
    assert said in done.error
    assert not project.lock.exists() or "environment" not in document(project)


def test_what_is_left_to_pip_comes_as_wheels(project: Project, forge: Forge, tmp_path: Path) -> None:
    text = "dependencies:\n- python=3.12\n- pip:\n  - app >=1\n  - -r more.txt\n"
    wrote(project, "more.txt", "extra")
    with PythonIndex(tmp_path / "index") as index:
        index.add(Dist("app", "1.0", ("helper",)))
        index.add(Dist("helper", "2.0"))
        index.add(Dist("extra", "3.0"))
        want(project, forge, wrote(project, "environment.yml", text), requirements="environment.yml", python=["3.12"])
        project.add("upstream", name="pypi", type="simple", url=index.url)
        publish(project)
    found = {one["kind"]: one for one in document(project)["environment"]}
    assert found["simple"]["roots"] == ["app>=1", "extra"]
    assert len(found["simple"]["target"][0]["members"]) == 3
    assert "python-3.12.9-h1_0.conda" in members(project)
    assert (project.site / "environments/dl/simple/helper/index.html").exists()


@pytest.mark.parametrize(("name", "make"), [("pixi.lock", pixi_lock), ("conda-lock.yml", conda_lock)])
def test_a_lock_is_locked_as_it_is(project: Project, forge: Forge, name: str, make: Any) -> None:
    want(project, forge, wrote(project, name, make(forge)))
    publish(project)
    assert members(project) == sorted([*OLD, *SHARED])
    assert "all good" in project.run("verify").out
    assert "libzlib" in project.run("tree").out


def test_explicit_files_of_two_platforms(project: Project, forge: Forge, tmp_path: Path) -> None:
    wrote(project, "x86.txt", explicit(forge, *OLD))
    wrote(project, "arm.txt", explicit(forge, "libzlib-1.3.1-h1_2.conda", subdir="linux-aarch64"))
    want(project, forge, ["x86.txt", "arm.txt"], platforms=["linux-64", "linux-aarch64"])
    publish(project)
    assert members(project) == sorted([*OLD, *SHARED])
    assert members(project, "linux-aarch64") == ["libzlib-1.3.1-h1_2.conda"]


def test_a_manifest_of_pixi(project: Project, forge: Forge) -> None:
    text = f"""
        [workspace]
        channels = ["{NAME}"]
        platforms = ["linux-64", "linux-aarch64"]
        [dependencies]
        libzlib = "*"
        [target.linux-64.dependencies]
        libzlib = "1.2.*"
        [feature.gpu.target.linux-64.dependencies]
        cudnn = "*"
        [environments]
        gpu = ["gpu"]
    """
    wrote(project, "pixi.toml", text)
    want(project, forge, "pixi.toml[gpu]", platforms=["linux-64", "linux-aarch64"])
    publish(project)
    assert members(project) == ["cudnn-9.10-h13_0.conda", "libzlib-1.2.13-h0_6.conda"]
    assert members(project, "linux-aarch64") == ["libzlib-1.3.1-h1_2.conda"]


def test_a_pyproject_gives_both_parts(project: Project, forge: Forge, tmp_path: Path) -> None:
    text = """
        [project]
        name = "ours"
        version = "1.0"
        requires-python = "==3.12.*"
        dependencies = ["app>=1"]
        [tool.pixi.workspace]
        channels = ["conda-forge"]
        [tool.pixi.dependencies]
        cudnn = "*"
    """
    wrote(project, "pyproject.toml", text)
    want(project, forge, "pyproject.toml")
    assert "requirements" in project.fail(3, "lock").hint
    with PythonIndex(tmp_path / "index") as index:
        index.add(Dist("app", "1.0"))
        want(project, forge, "pyproject.toml", requirements="pyproject.toml", python=["3.12"])
        project.add("upstream", name="pypi", type="simple", url=index.url)
        project.run("lock")
    found = {one["kind"]: one for one in document(project)["environment"]}
    assert found["simple"]["roots"] == ["app>=1"]
    assert {"cudnn-9.10-h13_0.conda", "python-3.12.9-h1_0.conda"} < set(members(project))


def test_exported_files_install_from_the_site_alone(project: Project, forge: Forge, tmp_path: Path) -> None:
    want(project, forge, wrote(project, "pixi.lock", pixi_lock(forge)))
    publish(project)
    forge.channel.root.rename(tmp_path / "gone")
    with Server(project.site) as site:
        project.run("export", "--environment", "dl", "--url", site.url, "--output", "out")
        told = yaml.safe_load((project.base / "out/dl-linux-64.yml").read_text())
        found = conda_env.create(told["channels"], told["dependencies"], tmp_path / "solved", cuda="")
        plain = conda_env.unlock(project.base / "out/dl-linux-64.txt", tmp_path / "plain")
    names = {one.rsplit("-", 2)[0] for one in (*OLD, *SHARED)}
    assert found.keys() == plain.keys() == names
    for place in (tmp_path / "solved", tmp_path / "plain"):
        assert (place / "share/libzlib/version").read_text() == "1.2.13"


def test_old_locks_install_unchanged_through_mirrors(project: Project, forge: Forge, tmp_path: Path) -> None:
    """With pixi's ``[mirrors]`` as `client pixi` writes them; nobody reaches the channel that the locks name."""
    wrote(project, "pixi.lock", pixi_lock(forge))
    wrote(project, "explicit.txt", explicit(forge, *OLD))
    want(project, forge, "pixi.lock")
    publish(project)
    forge.channel.root.rename(tmp_path / "gone")
    with Server(project.site) as site:
        project.run("client", "pixi", "--url", site.url, "--output", "clients")
        config = tomllib.loads((project.base / "clients/etc/pixi/config.toml").read_text())
        mirrors = {url: first for url, (first, *_) in config["mirrors"].items()}
        for number, name in enumerate(("pixi.lock", "explicit.txt")):
            found = conda_env.unlock(project.base / name, tmp_path / str(number), mirrors=mirrors)
            assert {one.url.rpartition("/")[2] for one in found.values()} == {*OLD, *SHARED}
            assert (tmp_path / str(number) / "share/libzlib/version").read_text() == "1.2.13"
        paths = {one.path for one in site.requests}
        assert f"/conda/{NAME}/linux-64/{OLD[0]}" in paths
        wrong = pixi_lock(forge).replace(forge.channel.records["linux-64"][OLD[1]]["sha256"], "0" * 64)
        wrote(project, "wrong.lock", wrong)
        with pytest.raises(ToolError):
            conda_env.unlock(project.base / "wrong.lock", tmp_path / "wrong", mirrors=mirrors)


def test_the_files_on_the_site_are_those_of_the_channel(project: Project, forge: Forge) -> None:
    want(project, forge, wrote(project, "pixi.lock", pixi_lock(forge)))
    publish(project)
    for subdir, names in (("linux-64", OLD), ("noarch", SHARED)):
        index = json.loads((project.site / f"conda/{NAME}/{subdir}/repodata.json").read_text())
        for one in names:
            data = (project.site / f"conda/{NAME}/{subdir}/{one}").read_bytes()
            record = {**index["packages"], **index["packages.conda"]}[one]
            assert record["sha256"] == hashlib.sha256(data).hexdigest()
            assert record["sha256"] == forge.channel.records[subdir][one]["sha256"]
