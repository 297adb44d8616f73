"""``--keep-last``: an upstream of which something locked cannot be had stops no other, in every verb that makes."""

from __future__ import annotations

from pathlib import Path

from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.project import APT, DOWNLOADS, Project

OLD, NEW = "8.0.5.39-1+cuda10.2", "8.0.5.39-1+cuda11.1"
JOB = f"cudnn 8.0.5.39 for CUDA 11.1 on linux-64 ({DOWNLOADS})"


def packages(project: Project) -> set[str]:
    return {one.name for one in (project.site / "conda/main/linux-64").glob("*.conda")}


def two_upstreams(project: Project, nvidia: Nvidia, version: str) -> None:
    """Pin the same release as debs and as an archive, to be made packages of."""
    project.sections = []
    pins = (f"libcudnn8={version}", f"libcudnn8-dev={version}")
    project.add_apt(nvidia, *pins, recipe="cudnn")
    project.add_downloads(nvidia)


def test_an_upstream_that_was_published_stays_and_the_others_go_on(project: Project, nvidia: Nvidia) -> None:
    project.accept_eula(nvidia.built().parts.licence)
    two_upstreams(project, nvidia, OLD)
    project.sections = project.sections[:2]
    project.write()
    project.publish()
    before = packages(project)
    two_upstreams(project, nvidia, NEW)
    nvidia.server.missing(f"{nvidia.apt_path}/libcudnn8*11.1*.deb")
    project.run("lock")
    project.fail(4, "sync")
    assert project.run("repackage", "--keep-last", "--dry-run", "--json").json["run"] == 1
    done = project.run("repackage", "--keep-last", "--json").json
    assert (done["held"], done["left"], done["run"]) == ([APT], [], 1)
    assert JOB in done["jobs"]
    assert f"{APT}: locked artifacts are missing" in project.run("repackage", "--keep-last").out
    assert "is not in the store" in project.fail(3, "repackage").error
    assert project.run("publish", "--keep-last", "--json").json["held"] == [APT]
    assert before < packages(project), "the packages of the other upstream came to those that were there"
    nvidia.server.heal()
    project.publish()
    assert project.run("repackage", "--keep-last", "--json").json["held"] == []


def test_an_upstream_that_was_never_published_is_left_out(project: Project, nvidia: Nvidia) -> None:
    project.accept_eula(nvidia.built().parts.licence)
    two_upstreams(project, nvidia, NEW)
    nvidia.server.missing(f"{nvidia.apt_path}/libcudnn8_*.deb")
    project.run("lock")
    project.fail(4, "sync")
    done = project.run("repackage", "--keep-last", "--json").json
    assert done["jobs"] == [JOB]
    assert done["left"] == [JOB.replace(DOWNLOADS, APT)]
    assert "not for --payloads" in project.fail(3, "repackage", "--keep-last", "--payloads", "p").error


def test_a_whole_mirror_stays_too(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    project.add("upstream", name="local", type="folder", path=str(tmp_path / "local"))
    project.add("pin", upstream="local", packages=["*.deb"])
    keys, rings = [nvidia.key.fingerprint], [str(nvidia.key_file)]
    project.add("upstream", name=APT, type="apt", url=nvidia.apt_url, keys=keys, keyrings=rings, whole=True)
    write_deb(simple_deb("one", "1.0"), tmp_path / "local")
    project.publish()
    root = (project.site / f"apt/{APT}/InRelease").read_bytes()
    write_deb(simple_deb("two", "1.0"), tmp_path / "local")
    new = write_deb(simple_deb("new", "1.0"), tmp_path)
    nvidia.repo.add(new)
    nvidia.repo.publish()
    nvidia.server.missing(f"{nvidia.apt_path}/{new.name}")
    project.run("lock")
    project.fail(4, "sync")
    project.fail(3, "publish")
    assert project.run("publish", "--keep-last", "--json").json["held"] == [APT]
    assert (project.site / f"apt/{APT}/InRelease").read_bytes() == root
    assert (project.site / "apt/local/two_1.0_amd64.deb").is_file()
    nvidia.server.heal()
    project.run("sync")
    assert project.run("publish", "--keep-last", "--json").json["held"] == []
    assert (project.site / f"apt/{APT}/{new.name}").is_file()
