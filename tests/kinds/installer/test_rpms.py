"""Local-repo installers that are rpms: pinned by hash, verified by the key inside, the real dnf installs from them."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest
from simulator.installers import rpm_installer
from simulator.keys import Key
from simulator.project import Project
from simulator.rpms import Rpm, simple_rpm, write_rpm
from simulator.site_key import SiteKey
from simulator.yum import RhelArtifacts
from tests.clients.dnf import DnfRoot
from tests.clients.http import serve

CUDNN, DEVEL = "libcudnn8-8.0.5.39-1.cuda11.1", "libcudnn8-devel-8.0.5.39-1.cuda11.1"


@pytest.fixture(scope="module")
def one_off(rhel_artifacts: RhelArtifacts) -> Key:
    """A key of the installer alone, as NVIDIA makes one for each."""
    return rhel_artifacts.keys.generate("cudnn-local-rpm <cudatools@example.com>")


@pytest.fixture(scope="module")
def content(rhel_artifacts: RhelArtifacts, one_off: Key, tmp_path_factory: pytest.TempPathFactory) -> Rpm:
    """What an installer with runtime and development files holds; tests change it before they write it."""
    rpms = [rhel_artifacts.rpms[f"{name}.x86_64"] for name in (CUDNN, DEVEL)]
    return rpm_installer(tmp_path_factory.mktemp("installer"), rhel_artifacts.keys, one_off, *rpms)


@pytest.fixture(scope="module")
def made(content: Rpm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installer; read only."""
    return write_rpm(content, tmp_path_factory.mktemp("made"))


def changed(content: Rpm, folder: Path, files: dict[str, bytes | str]) -> Path:
    """Write the installer with other files in it."""
    return write_rpm(Rpm(content.name, content.version, files=files, compression="gz"), folder)


def want(project: Project, file: Path, *packages: str, sha256: str = "", **upstream: object) -> None:
    """Add an installer and pins on it."""
    digest = sha256 or hashlib.sha256(file.read_bytes()).hexdigest()
    project.add("upstream", name="local", type="local-repo", path=str(file), sha256=digest, **upstream)
    project.add("pin", upstream="local", packages=list(packages or (DEVEL,)))


def test_dnf_installs_what_came_out_of_an_installer(
    project: Project, made: Path, one_off: Key, site_key: SiteKey, tmp_path: Path
) -> None:
    file = tmp_path / made.name
    file.write_bytes(made.read_bytes())
    want(project, file)
    project.run("lock")
    file.unlink()  # what was selected is in the store
    project.run("sync")
    project.run("publish")
    project.run("verify")
    lock = tomllib.loads(project.lock.read_text())
    assert [(one["name"], one["why"]) for one in lock["artifact"]] == [
        ("libcudnn8", "needed by libcudnn8-devel"), ("libcudnn8-devel", "pin"),
    ]  # fmt: skip
    assert lock["upstream"][0]["root"][0]["signers"] == [one_off.fingerprint]
    root, keys = DnfRoot(tmp_path / "dnf"), tmp_path / "keys"
    keys.write_bytes(site_key.key.armored + one_off.armored)
    root.provide("libc.so.6()(64bit)")
    with serve(project.site) as served:
        root.add_repo("acme", f"{served.url}/yum/local/", keys)
        root.install(DEVEL)
    assert root.installed()["libcudnn8"] == CUDNN.partition("-")[2]


def test_packages_can_be_held_to_a_key_as_well(
    project: Project, made: Path, one_off: Key, rhel_artifacts: RhelArtifacts, tmp_path: Path
) -> None:
    ring = tmp_path / "keys.asc"
    ring.write_bytes(one_off.armored + rhel_artifacts.key.armored)
    want(project, made, rpm_keys=[rhel_artifacts.key.fingerprint], keyrings=[str(ring)])
    project.run("lock")
    assert "package signature does not hold" in project.fail(5, "sync").error
    project.sections.clear()
    want(project, made, rpm_keys=[one_off.fingerprint], keyrings=[str(ring)])
    project.publish()


def test_a_lock_of_an_installer_stands(project: Project, made: Path) -> None:
    want(project, made)
    project.run("lock")
    before = project.lock.read_bytes()
    assert "unchanged" in project.run("lock").out
    assert project.lock.read_bytes() == before


def test_an_old_installer_that_signs_nothing_is_believed_by_its_hash(
    project: Project, content: Rpm, tmp_path: Path
) -> None:
    files = {path: data for path, data in content.files.items() if not path.endswith((".asc", ".key", ".pub"))}
    want(project, changed(content, tmp_path, files))
    project.publish()
    assert (project.site / "yum/local/repodata/repomd.xml.asc").is_file()


def test_an_installer_of_another_hash_is_not_even_parsed(project: Project, made: Path, tmp_path: Path) -> None:
    file = tmp_path / made.name
    file.write_bytes(made.read_bytes()[:-1] + b"x")
    want(project, file, sha256=hashlib.sha256(made.read_bytes()).hexdigest())
    assert "but cudepot.toml says" in project.fail(5, "lock").error
    assert not project.lock.exists()


def test_metadata_signed_by_a_key_that_is_not_inside_are_refused(
    project: Project, content: Rpm, rhel_artifacts: RhelArtifacts, tmp_path: Path
) -> None:
    folder = f"/var/{content.name}/repodata"
    root = content.files[f"{folder}/repomd.xml"]
    assert isinstance(root, bytes)
    forged = {f"{folder}/repomd.xml.asc": rhel_artifacts.keys.detach(root, rhel_artifacts.other_key)}
    want(project, changed(content, tmp_path, content.files | forged))
    assert "not in the keyring" in project.fail(5, "lock").error
    assert not project.lock.exists()


def test_a_package_that_is_not_what_the_inner_metadata_say_is_refused(
    project: Project, content: Rpm, tmp_path: Path
) -> None:
    path = f"/var/{content.name}/{CUDNN}.x86_64.rpm"
    inner = content.files[path]
    assert isinstance(inner, bytes)
    want(project, changed(content, tmp_path, content.files | {path: inner[:-1] + b"x"}))
    assert "promised" in project.fail(5, "lock").error
    project.sections.clear()
    files = {name: data for name, data in content.files.items() if name != path}
    want(project, changed(content, tmp_path, files))
    assert "is in its index but not in the installer" in project.fail(6, "lock").error


def test_an_rpm_that_carries_no_repository_is_refused(project: Project, tmp_path: Path) -> None:
    want(project, write_rpm(simple_rpm("hello", "1.0"), tmp_path), "hello")
    assert "0 yum repositories below /var" in project.fail(10, "lock").error


def test_an_installer_cut_short_is_refused(project: Project, made: Path, tmp_path: Path) -> None:
    file = tmp_path / made.name
    file.write_bytes(made.read_bytes()[:-5000])
    want(project, file)
    assert file.name in project.fail(10, "lock").error
