"""``lock --from``: an installer is asked for what it holds, a deb for Debian packages, an rpm for rpms."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest
from simulator.installers import rpm_installer, write_installer
from simulator.nvidia import Artifacts
from simulator.project import Project
from simulator.rpms import write_rpm
from simulator.site_key import SiteKey
from simulator.yum import RhelArtifacts


@pytest.fixture(scope="module")
def installers(
    nvidia_artifacts: Artifacts, rhel_artifacts: RhelArtifacts, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A local-repo installer that is a deb and one that is an rpm, each with cuDNN 8.0.5.39 for CUDA 11.1."""
    debs, rpms = nvidia_artifacts, rhel_artifacts
    key = debs.keys.generate("cudnn-local-deb <cudatools@example.com>")
    deb = write_installer(tmp_path_factory.mktemp("deb"), debs.keys, key, *debs.releases["11.1"].debs)
    key = rpms.keys.generate("cudnn-local-rpms <cudatools@example.com>")
    held = rpms.rpms["libcudnn8-8.0.5.39-1.cuda11.1.x86_64"]
    rpm = write_rpm(
        rpm_installer(tmp_path_factory.mktemp("held"), rpms.keys, key, held), tmp_path_factory.mktemp("rpm")
    )
    return {"deb": deb, "rpm": rpm}


LISTED = {
    "deb": ("ii  libcudnn8  8.0.5.39-1+cuda11.1  amd64  cuDNN\n", "libcudnn8=8.0.5.39-1+cuda11.1"),
    "rpm": ("libcudnn8-8.0.5.39-1.cuda11.1.x86_64\n", "libcudnn8-8.0.5.39-1.cuda11.1"),
}


@pytest.mark.parametrize("listed", ["deb", "rpm"])
@pytest.mark.parametrize("held", ["deb", "rpm"])
def test_an_installer_has_packages_of_its_own_kind_only(
    site_key: SiteKey, installers: dict[str, Path], tmp_path: Path, held: str, listed: str
) -> None:
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    digest = hashlib.sha256(installers[held].read_bytes()).hexdigest()
    project.add("upstream", name="local", type="local-repo", path=str(installers[held]), sha256=digest)
    listing, spec = LISTED[listed]
    (tmp_path / "installed.txt").write_text(listing)
    if listed != held:
        refused = project.fail(6, "lock", "--from", str(tmp_path / "installed.txt"))
        assert f"no upstream has {'Debian packages' if listed == 'deb' else 'rpms'}" in refused.error
        assert not project.lock.exists()
        return
    project.run("lock", "--from", str(tmp_path / "installed.txt"))
    (pin,) = tomllib.loads(project.toml.read_text())["pin"]
    assert (pin["upstream"], pin["packages"]) == ("local", [spec])
    assert {one["kind"] for one in tomllib.loads(project.lock.read_text())["artifact"]} == {held}
