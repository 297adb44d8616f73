"""Real dnf on a pinned subset: both signatures checked, modules neither hide nor flood, groups and errata are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulator.project import Project
from simulator.site_key import SiteKey
from simulator.yum import Rhel
from tests.clients.dnf import DnfRoot
from tests.kinds.yum.world import CUDNN, DEVEL, NAME, add_yum


@pytest.mark.slow
def test_dnf_installs_from_a_pinned_subset(project: Project, rhel: Rhel, site_key: SiteKey, tmp_path: Path) -> None:
    add_yum(project, rhel, DEVEL, "app", "nvidia-driver-455*")
    project.publish()
    root = DnfRoot(tmp_path / "dnf")
    keys = tmp_path / "keys.asc"
    keys.write_bytes(site_key.key.armored + rhel.key.armored)
    root.add_repo("site", (project.site / "yum" / NAME).as_uri(), keys)
    root.provide("glibc", "libc.so.6()(64bit)")
    root.install(CUDNN, DEVEL)
    assert root.installed()["libcudnn8-devel"] == "8.0.5.39-1.cuda11.1"
    assert "libcudnn9-static-cuda-12" in root.install("app", "--downloadonly").stdout
    assert "latest-dkms [d]" in root.dnf("module", "list").stdout
    assert root.query("nvidia-driver", "--repo=site") == ["nvidia-driver-3:455.45.01-1.el8.x86_64"]
    assert "NV-1" in root.dnf("updateinfo", "list", "--all").stdout
    assert "cuDNN" in root.dnf("group", "list").stdout


@pytest.mark.slow
def test_a_stream_that_is_no_default_stays_hidden_until_enabled(
    project: Project, rhel: Rhel, site_key: SiteKey, tmp_path: Path
) -> None:
    add_yum(project, rhel, "nvidia-driver-460*")
    project.publish()
    root = DnfRoot(tmp_path / "dnf")
    keys = tmp_path / "keys.asc"
    keys.write_bytes(site_key.key.armored + rhel.key.armored)
    root.add_repo("site", (project.site / "yum" / NAME).as_uri(), keys)
    assert root.query("nvidia-driver") == []
    root.dnf("module", "enable", "nvidia-driver:460")
    assert root.query("nvidia-driver") == ["nvidia-driver-3:460.32.03-1.el8.x86_64"]
