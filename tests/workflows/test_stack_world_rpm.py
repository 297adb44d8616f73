"""A stack for Rocky Linux from ``init`` to a container that sees the site alone: real dnf, the operator's ConfigMap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from simulator.gpu_world_rpm import KERNEL, GpuWorldRpm
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.server import Server
from tests.clients.dnf import DnfRoot
from tests.clients.http import serve

STACK = (
    "--stack", "gpu-node", "--stack", "gpu-operator", "--distribution", "rocky9", "--driver", "570", "--cuda", "12.6",
    "--kernel", f"{KERNEL}.x86_64",
)  # fmt: skip


@pytest.fixture
def world(tmp_path: Path, upstream_key: tuple[KeyHome, Key]) -> Iterator[GpuWorldRpm]:
    folder = tmp_path / "upstream"
    folder.mkdir()
    with Server(folder) as server:
        yield GpuWorldRpm(folder, server.url, *upstream_key)


def test_a_stack_of_rpms_reaches_the_driver_container(world: GpuWorldRpm, tmp_path: Path) -> None:
    node = Project(tmp_path / "node", key="0" * 40, gnupg=tmp_path / "gnupg")
    node.toml.unlink()
    node.run("init", *STACK, "--label", "acme")
    node.toml.write_text(world.stands_in(node.toml.read_text()))
    for verb in ("lock", "sync", "publish"):
        node.run(verb)
    with serve(node.site) as site:
        asked = (
            "--environment",
            "gpu-node-gpu-operator",
            "--url",
            site.url,
            "--output",
            str(tmp_path),
            "--empty",
            "cuda.repo",
        )
        node.run("client", "gpu-operator", *asked)
        made = yaml.safe_load((tmp_path / "gpu-node-gpu-operator/repo-config.yaml").read_text())["data"]
        root = DnfRoot(tmp_path / "container", release="9")
        for name, text in made.items():
            there = text.replace("file:///etc/", f"file://{root.path}/etc/")
            (root.path / "etc/yum.repos.d" / name).write_text(there)
        el9 = "--setopt=module_platform_id=platform:el9"
        root.dnf("install", el9, f"kernel-devel-{KERNEL}", f"kernel-headers-{KERNEL}", "gcc", "elfutils-libelf-devel")
        root.dnf("module", "install", el9, "nvidia-driver:570-open/default")
        found = root.installed()
    assert found["kernel-devel"] == KERNEL
    assert found["kmod-nvidia-open-dkms"] == "570.86.15-1.el9"
    assert "dkms" in found, "out of EPEL, whose index nobody signs"
