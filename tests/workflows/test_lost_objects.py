"""What neither the store nor the site has any more: it is named, nothing waits for it, and the hint brings it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulator.apt import FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.project import Project
from simulator.site_key import SiteKey
from tests.clients.apt import AptRoot
from tests.clients.http import Site, serve
from tests.kinds.apt.world import deb, want, want_whole


@pytest.fixture
def local(project: Project, tmp_path: Path) -> Path:
    """A folder beside, whose debs are published as well."""
    made = tmp_path / "local"
    made.mkdir()
    write_deb(simple_deb("hello", "1.0"), made)
    project.add("upstream", name="local", type="folder", path=str(made))
    project.add("pin", upstream="local", packages=["*.deb"])
    return made


def lose(project: Project, path: str) -> None:
    """Take a file of the site from there and from the store."""
    shown = project.site / path
    project.object(shown.read_bytes()).unlink()
    shown.unlink()


def more(project: Project, local: Path) -> None:
    """Give the folder beside another package, and lock it."""
    write_deb(simple_deb("more", "1.0"), local)
    project.run("lock")


@pytest.mark.parametrize("whole", [False, True], ids=["pinned", "whole"])
def test_a_lost_deb(
    project: Project, upstream: Site, flat: FlatRepo, local: Path, site_key: SiteKey, tmp_path: Path, whole: bool
) -> None:
    lib = deb(tmp_path, "libx")
    flat.add(deb(tmp_path, "app", Depends="libx"), lib, deb(tmp_path, "alone"))
    flat.publish()
    if whole:
        want_whole(project, upstream, flat)
    else:
        want(project, upstream, flat, "app", "alone")
    project.publish()
    lose(project, "apt/u/libx_1.0_amd64.deb")
    served = flat.folder / lib.name
    served.rename(tmp_path / "away")
    more(project, local)
    assert "libx" in project.fail(4, "sync").error
    done = project.fail(3, "publish")
    assert (
        "1 files that were shown are lost from store and site and now left out, for example apt/u/libx_1.0_amd64.deb"
        in done.error
    )
    assert (project.site / "apt/local/more_1.0_amd64.deb").is_file(), "the other upstream is published"
    root = AptRoot(tmp_path / "root")
    ring = tmp_path / "ring.gpg"
    ring.write_bytes(flat.key.binary if whole else site_key.keyring.read_bytes())
    with serve(project.site) as site:
        root.add_source(f"{site.url}/apt/u/", ring)
        root.update()
        root.install("alone")
    (tmp_path / "away").rename(served)
    assert "`cudepot sync`" in done.hint
    project.run("sync")
    project.run("publish")
    assert (project.site / "apt/u/libx_1.0_amd64.deb").is_file()
    assert project.run("verify", "--json").json["faults"] == []


def test_a_lost_wheel(project: Project, nvidia: Nvidia, local: Path) -> None:
    project.add_wheels(nvidia, "nvidia-cudnn-cu11==8.0.5.39", "nvidia-cublas-cu11")
    project.publish()
    names = sorted(one.name for one in (project.site / "wheels").glob("*.whl"))
    lose(project, f"wheels/{names[0]}")
    more(project, local)
    nvidia.server.missing(f"*{names[0]}")
    project.fail(4, "sync")
    nvidia.server.heal()
    done = project.fail(3, "publish")
    assert f"wheels/{names[0]}" in done.error
    assert (project.site / "apt/local/more_1.0_amd64.deb").is_file()
    project.run("sync")
    project.run("publish")
    assert sorted(one.name for one in (project.site / "wheels").glob("*.whl")) == names
    assert project.run("verify", "--json").json["faults"] == []
