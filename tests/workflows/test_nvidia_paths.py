"""NVIDIA's paths as part of the tree: published, verified, rolled back, carried over an air gap, and what is said."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import APT_PATH, Nvidia
from simulator.process import run
from simulator.project import APT, DEB, Project
from simulator.redistrib import write_redistrib
from simulator.server import Server
from simulator.sides import Far
from simulator.site_key import SiteKey
from simulator.yum import YUM_PATH, Rhel
from tests.workflows.test_stolen_site_key import Objects, forged, put, with_snapshot

from cudepot.catalog.site.bundle import Manifest
from cudepot.catalog.site.snapshot import parse_snapshot

NVIDIA = APT_PATH[1:]
URL = "https://packages.example"
OTHER = "8.0.5.39-1+cuda10.2"


@pytest.fixture
def project(site_key: SiteKey, tmp_path: Path) -> Project:
    made = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    made.sections.append(f'nvidia-paths = true\nurl = "{URL}"\n')
    return made


def verbs(project: Project, *more: str) -> None:
    for verb in ("lock", "sync", *more):
        project.run(verb)


def settings(project: Project, text: str) -> None:
    project.sections[0] = f"{text}\n"
    project.write()


def below(project: Project, folder: str) -> dict[str, bytes]:
    site = project.site / folder
    return {str(one.relative_to(site)): one.read_bytes() for one in site.rglob("*") if one.is_file()}


def whole(project: Project, nvidia: Nvidia, name: str = APT, **more: object) -> None:
    keys, keyrings = [nvidia.key.fingerprint], [str(nvidia.key_file)]
    project.add("upstream", name=name, type="apt", url=nvidia.apt_url, keys=keys, keyrings=keyrings, whole=True, **more)


# what is there


def test_the_same_files_as_links_and_those_clients_look_for(
    project: Project, nvidia: Nvidia, site_key: SiteKey
) -> None:
    project.add_apt(nvidia, f"libcudnn8={DEB}")
    verbs(project, "publish")
    ours, theirs = below(project, f"apt/{APT}"), below(project, NVIDIA)
    made = {
        "cuda-ubuntu2004.pin", "cuda-archive-keyring.gpg", "cuda-keyring_1.0-1_all.deb", "cuda-keyring_1.1-1_all.deb",
        "7fa2af80.pub", "3bf863cc.pub", f"{nvidia.key.fingerprint[-8:]}.pub",
    }  # fmt: skip
    assert theirs.keys() - ours.keys() == made
    assert {name: theirs[name] for name in ours} == ours
    for name in ours:
        assert (project.site / NVIDIA / name).samefile(project.site / "apt" / APT / name), "a link, not a copy"
    assert theirs["7fa2af80.pub"] == theirs["3bf863cc.pub"] == site_key.key_file.read_bytes()
    assert b"Pin: release o=NVIDIA, l=NVIDIA CUDA\nPin-Priority: 600\n" in theirs["cuda-ubuntu2004.pin"]
    assert project.run("verify", "--json").json["faults"] == []
    assert project.run("publish", "--json").json["fresh"] is False


def test_the_keyring_package_is_nvidias_with_the_site_in_it(project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    project.add_apt(nvidia, f"libcudnn8={DEB}")
    verbs(project, "publish")
    deb = project.site / NVIDIA / "cuda-keyring_1.1-1_all.deb"
    listed = run("dpkg-deb", "--contents", deb).stdout
    files = sorted(line.split()[-1] for line in listed.splitlines() if not line.endswith("/"))
    assert files == [
        "./etc/apt/preferences.d/cuda-repository-pin-600",
        "./etc/apt/sources.list.d/cuda-ubuntu2004-x86_64.list",
        "./usr/share/keyrings/cuda-archive-keyring.gpg",
    ]
    assert run("dpkg-deb", "--field", deb, "Package", "Version").stdout == "Package: cuda-keyring\nVersion: 1.1-1\n"
    run("dpkg-deb", "--extract", deb, tmp_path / "x")
    source = (tmp_path / "x/etc/apt/sources.list.d/cuda-ubuntu2004-x86_64.list").read_text()
    assert source == f"deb [signed-by=/usr/share/keyrings/cuda-archive-keyring.gpg] {URL}{APT_PATH}/ /\n"
    pin = (tmp_path / "x/etc/apt/preferences.d/cuda-repository-pin-600").read_bytes()
    assert pin == below(project, NVIDIA)["cuda-ubuntu2004.pin"], "else dpkg asks who moved the .pin there before"


def test_a_whole_mirror_has_nvidias_key_and_no_file_that_names_nvidia(project: Project, nvidia: Nvidia) -> None:
    nvidia.repo.add(write_deb(simple_deb("cuda-keyring", "1.1-1", "all"), nvidia.folder))
    nvidia.repo.add(write_deb(simple_deb("cuda-keyring", "1.2-1", "all"), nvidia.folder))
    nvidia.repo.publish()
    extras = ["cuda-ubuntu2004.list", "3bf863cc.pub", "other.pub"]
    for name in extras:
        nvidia.repo.put(nvidia.repo.folder / name, b"NVIDIA's own")
    whole(project, nvidia, extras=extras)
    verbs(project)
    assert f"{APT}: cuda-ubuntu2004.list is not published" in project.run("publish").out
    ours, theirs = below(project, f"apt/{APT}"), below(project, NVIDIA)
    assert theirs["3bf863cc.pub"] == theirs["7fa2af80.pub"] == nvidia.key_file.read_bytes()
    assert "cuda-ubuntu2004.list" not in ours | theirs
    assert ours["3bf863cc.pub"] == theirs["other.pub"] == b"NVIDIA's own"
    for version in ("1.1-1", "1.2-1"):
        name = f"cuda-keyring_{version}_all.deb"
        assert ours[name] != theirs[name], "the signed index names NVIDIA's"
        assert URL.encode() in run("dpkg-deb", "--field", project.site / NVIDIA / name, "Description").stdout.encode()
    assert project.run("verify", "--json").json["faults"] == []


@pytest.mark.parametrize("whole_", [False, True], ids=["pinned", "whole"])
def test_a_repo_file_and_all_keys_for_rpms(project: Project, rhel: Rhel, site_key: SiteKey, *, whole_: bool) -> None:
    keys = {"keys": [rhel.key.fingerprint], "keyrings": [str(rhel.key_file), str(rhel.old_key_file)]}
    keys["rpm_keys"] = [rhel.key.fingerprint, rhel.old_key.fingerprint]
    project.add("upstream", name="rhel8/x86_64", type="yum", url=rhel.url, whole=whole_, **keys)
    if not whole_:
        project.add("pin", upstream="rhel8/x86_64", packages=["libcudnn8-8.0.5.39"])
    verbs(project, "publish")
    files = below(project, YUM_PATH[1:])
    folder = f"{URL}{YUM_PATH}"
    name = f"{rhel.key.fingerprint[-8:]}.pub"
    assert files["cuda-rhel8.repo"].decode() == (
        f"[cuda-rhel8-x86_64]\nname=cuda-rhel8-x86_64\nbaseurl={folder}\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\n"
        f"gpgkey={folder}/{name}\n"
    )
    theirs = [rhel.key.fingerprint, rhel.old_key.fingerprint]
    wanted = theirs if whole_ else [site_key.fingerprint, *theirs]
    assert files[name] == files["D42D0685.pub"] == files["7fa2af80.pub"]
    blocks = files[name].split(b"-----BEGIN")
    assert len(blocks) == len(wanted) + 1, "an armor each: yum 3 reads one key of each"
    shown = run("gpg", "--show-keys", "--with-colons", project.site / YUM_PATH[1:] / name).stdout
    assert [one for one in re.findall(r"^fpr:+([0-9A-F]+):", shown, re.MULTILINE) if one in wanted] == wanted


def test_without_an_address_nothing_names_one(project: Project, nvidia: Nvidia) -> None:
    settings(project, "nvidia-paths = true")
    whole(project, nvidia)
    verbs(project)
    told = project.run("publish").out
    assert "without cuda-keyring, .repo and .list" in told
    assert "cuda-ubuntu2004.pin" in below(project, NVIDIA)
    assert not [name for name in below(project, NVIDIA) if name.startswith("cuda-keyring")]
    settings(project, f'nvidia-paths = true\nurl = "{URL}"')  # as the line says
    assert "cuda-keyring" not in project.run("publish").out
    assert "cuda-keyring_1.1-1_all.deb" in below(project, NVIDIA)


def test_who_is_shown_there(project: Project, nvidia: Nvidia) -> None:
    settings(project, f'url = "{URL}"')
    project.add_apt(nvidia, f"libcudnn8={DEB}")
    verbs(project, "publish")
    assert not (project.site / "compute").exists(), "not NVIDIA's host"
    settings(project, f'nvidia-paths = true\nurl = "{URL}"')
    rings = [str(nvidia.key_file)]
    project.add("upstream", name="again", type="apt", url=nvidia.apt_url, keys=[nvidia.key.fingerprint], keyrings=rings)
    project.add("pin", upstream="again", packages=[f"libcudnn8={OTHER}"])
    verbs(project)
    assert f"{NVIDIA}/ shows the first upstream with that URL, not again" in project.run("publish").out
    assert below(project, NVIDIA)["InRelease"] == below(project, f"apt/{APT}")["InRelease"]
    assert project.run("verify", "--json").json["faults"] == []
    settings(project, f'nvidia-paths = false\nurl = "{URL}"')
    project.run("publish")
    assert not (project.site / "compute").exists()


def test_downloads_where_their_upstreams_name_says(project: Project, nvidia: Nvidia) -> None:
    folder = "compute/cuda/repos/ubuntu1604/x86_64"
    project.add("upstream", name=folder, type="folder", path=str(nvidia.repo.folder))
    project.add("pin", upstream=folder, packages=[f"libcudnn8_{DEB}_amd64.deb"])
    verbs(project, "publish")
    found = below(project, folder)
    assert found.keys() >= {"InRelease", "cuda-ubuntu1604.pin", "7fa2af80.pub", "cuda-keyring_1.1-1_all.deb"}
    assert project.run("verify", "--json").json["faults"] == []


def test_archives_where_the_manifest_says(project: Project, tmp_path: Path) -> None:
    at = "compute/cudnn/redist"
    manifest = write_redistrib(tmp_path / "up" / at, CudnnRelease("9.8.0.87", "12"))
    with Server(tmp_path / "up") as server:
        project.add("upstream", name="archives", type="redistrib", url=f"{server.url}/{at}/")
        project.add("pin", upstream="archives", packages=["cudnn=9.8.0.87"])
        verbs(project, "publish")
    found = below(project, at)
    assert found.keys() == {manifest.name, "cudnn/linux-x86_64/cudnn-linux-x86_64-9.8.0.87_cuda12-archive.tar.xz"}
    said = json.loads(found[manifest.name])["cudnn"]["linux-x86_64"]["cuda12"]
    assert hashlib.sha256(found[said["relative_path"]]).hexdigest() == said["sha256"]
    assert project.run("verify", "--json").json["faults"] == []
    gone = project.object(found[manifest.name])
    gone.unlink()
    project.run("publish")
    assert manifest.name not in below(project, at), "nobody but the lock knows it"


def test_upstreams_at_nvidias_hosts_are_shown_unasked(project: Project, nvidia: Nvidia) -> None:
    settings(project, f'url = "{URL}"')
    project.env |= {"http_proxy": nvidia.url, "no_proxy": ""}
    for name, host in (("main", "developer.download.nvidia.com"), ("other", "download.example")):
        keys, rings = [nvidia.key.fingerprint], [str(nvidia.key_file)]
        project.add("upstream", name=name, type="apt", url=f"http://{host}{APT_PATH}/", keys=keys, keyrings=rings)
        project.add("pin", upstream=name, packages=[f"libcudnn8={DEB if name == 'main' else OTHER}"])
    verbs(project)
    assert "shows the first upstream" not in project.run("publish").out, "another host has no such path"
    assert below(project, NVIDIA)["InRelease"] == below(project, "apt/main")["InRelease"]


# as part of the tree


def test_rollback_diff_and_gc(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia, f"libcudnn8={DEB}")
    verbs(project, "publish")
    project.sections = project.sections[:1]
    project.add_apt(nvidia, f"libcudnn8={OTHER}")
    verbs(project, "publish")
    changes = project.run("diff", "1", "2", "--json").json
    assert {one["place"] for one in changes} == {f"apt/{APT}"}, "what is there twice changed once"
    settings(project, 'nvidia-paths = true\nurl = "https://elsewhere.example"')
    project.run("publish")
    moved = project.run("diff", "2", "3", "--json").json
    assert {one["why"] for one in moved} == {"made by the site"}
    assert {one["name"] for one in moved} == {"cuda-keyring", "acme-archive-keyring"}
    assert project.run("publish", "--json").json["added"] == []
    project.run("rollback", "1")
    assert f"libcudnn8_{DEB}_amd64.deb" in below(project, NVIDIA)
    assert below(project, NVIDIA)["InRelease"] == below(project, f"apt/{APT}")["InRelease"], "signed anew in both"
    project.run("gc", "--keep", "1")
    assert project.run("verify", "--json").json["faults"] == []


@pytest.mark.parametrize("whole_", [False, True], ids=["pinned", "whole"])
def test_over_an_air_gap(project: Project, nvidia: Nvidia, site_key: SiteKey, tmp_path: Path, *, whole_: bool) -> None:
    far = carried(project, nvidia, site_key, tmp_path, whole_=whole_)
    bundle = tmp_path / "full.tar"
    assert far.take(bundle)["imported"] == [1]
    far.run("publish")
    assert below(far, NVIDIA) == below(project, NVIDIA)
    assert far.run("verify", "--json").json["faults"] == []


def test_rpms_over_an_air_gap(project: Project, rhel: Rhel, site_key: SiteKey, tmp_path: Path) -> None:
    keys = {"keys": [rhel.key.fingerprint], "keyrings": [str(rhel.key_file), str(rhel.old_key_file)]}
    keys["rpm_keys"] = [rhel.key.fingerprint, rhel.old_key.fingerprint]
    project.add("upstream", name="rhel8/x86_64", type="yum", url=rhel.url, **keys)
    project.add("pin", upstream="rhel8/x86_64", packages=["libcudnn8-8.0.5.39"])
    verbs(project, "publish")
    project.run("bundle", "export", str(tmp_path / "full.tar"), "--since", "0")
    far = Far(tmp_path / "far", site_key.key_file, rhel.key.fingerprint, rhel.old_key.fingerprint).init()
    assert far.take(tmp_path / "full.tar")["imported"] == [1]
    far.run("publish")
    assert below(far, YUM_PATH[1:]) == below(project, YUM_PATH[1:])
    assert far.run("verify", "--json").json["faults"] == []


def evil_root(site: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{NVIDIA}/InRelease": site[f"{NVIDIA}/InRelease"].replace(b"Date", b"date")}


def evil_folder(site: dict[str, bytes]) -> dict[str, bytes]:
    return {"compute/cuda/repos/ubuntu2204/x86_64/InRelease": site[f"{NVIDIA}/InRelease"]}


def evil_package(site: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{NVIDIA}/libcudnn8_9_amd64.deb": b"evil"}


def evil_setup(site: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{NVIDIA}/cuda-repo-ubuntu2004_9_amd64.deb": b"evil"}


def evil_keyring(site: dict[str, bytes]) -> dict[str, bytes]:
    """The same package, and a script that runs as root."""
    return {f"{NVIDIA}/cuda-keyring_1.1-1_all.deb": site["evil.deb"]}


@pytest.mark.parametrize("change", [evil_root, evil_folder, evil_package, evil_setup, evil_keyring])
def test_what_a_stolen_site_key_cannot_put_there(
    project: Project, nvidia: Nvidia, site_key: SiteKey, tmp_path: Path, change: Callable[..., dict[str, bytes]]
) -> None:
    far = carried(project, nvidia, site_key, tmp_path)
    keyring = project.site / NVIDIA / "cuda-keyring_1.1-1_all.deb"
    run("dpkg-deb", "--raw-extract", keyring, tmp_path / "raw")
    (tmp_path / "raw/DEBIAN/postinst").write_text("#!/bin/sh\n")
    (tmp_path / "raw/DEBIAN/postinst").chmod(0o755)
    run("dpkg-deb", "--build", "-Zgzip", "--root-owner-group", tmp_path / "raw", tmp_path / "evil.deb")

    def forge(manifest: Manifest, objects: Objects) -> Manifest:
        snapshot = parse_snapshot(objects[manifest.document], "snapshot")
        site = {path: objects[one] for path, one in snapshot.tree.items()}
        site["evil.deb"] = (tmp_path / "evil.deb").read_bytes()
        tree = dict(snapshot.tree) | {path: put(objects, data) for path, data in change(site).items()}
        return with_snapshot(manifest, objects, site_key, replace(snapshot, tree=tree))

    forged(tmp_path / "full.tar", site_key, forge)
    said = far.refuse(5, tmp_path / "full.tar")
    assert "nor a file the site makes" in said or "is not a cuda-keyring built by cudepot" in said


def carried(project: Project, nvidia: Nvidia, site_key: SiteKey, tmp_path: Path, *, whole_: bool = False) -> Far:
    """Publish, write a bundle, and return a far side that has nothing yet."""
    if whole_:
        nvidia.repo.put(nvidia.repo.folder / "cuda-ubuntu2004.list", b"NVIDIA's own")
        whole(project, nvidia, extras=["cuda-ubuntu2004.list"])
    else:
        project.add_apt(nvidia, f"libcudnn8={DEB}")
    verbs(project, "publish")
    project.run("bundle", "export", str(tmp_path / "full.tar"), "--since", "0")
    return Far(tmp_path / "far", site_key.key_file, nvidia.key.fingerprint).init()


def test_verify_names_what_does_not_belong_there(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia, f"libcudnn8={DEB}")
    verbs(project, "publish")
    (project.site / NVIDIA / "InRelease").unlink()
    (project.site / NVIDIA / "InRelease").write_bytes(b"other")
    faults = project.run("verify", "--json", check=False).json["faults"]
    assert [one for one in faults if f"{NVIDIA}/InRelease: sha256" in one]
    assert json.loads((project.site / "snapshot.json").read_bytes())["number"] == 1
