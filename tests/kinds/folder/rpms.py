"""A folder of rpms downloaded by hand: cuDNN for two CUDAs and two machines, samples, and somebody else's package."""

from __future__ import annotations

import shutil
from pathlib import Path

from simulator.cudnn import CudnnRelease
from simulator.project import Project
from simulator.rpms import cudnn_rpms, samples_rpm, sign_rpms, simple_rpm, write_rpm
from simulator.yum import RhelArtifacts
from tests.clients.dnf import DnfRoot

NAME = "downloads"
YUM = f"yum/{NAME}"
NEW, OLD = "8.0.5.39-1.cuda11.1", "8.0.5.39-1.cuda10.2"
RELEASES = [CudnnRelease("8.0.5.39", *one) for one in (("11.1", "x86_64"), ("10.2", "x86_64"), ("11.1", "aarch64"))]
OTHER = "nccl-tools-2.8.3-1.noarch.rpm"


def write_downloads(folder: Path, artifacts: RhelArtifacts) -> None:
    """Write all of them, signed."""
    rpms = [write_rpm(one, folder) for release in RELEASES for one in (*cudnn_rpms(release), samples_rpm(release))]
    rpms.append(write_rpm(simple_rpm("nccl-tools", "2.8.3", "1", "noarch", "Requires: /usr/lib64/libcudnn.so"), folder))
    sign_rpms(rpms, artifacts.keys, artifacts.key)


def keys_of(project: Project, artifacts: RhelArtifacts) -> dict[str, object]:
    """Put the key beside cudepot.toml, and return the settings that hold rpms to it."""
    (project.base / "nvidia.pub").write_bytes(artifacts.key.armored)
    return {"rpm-keys": [artifacts.key.fingerprint], "keyrings": ["nvidia.pub"]}


def want(project: Project, *globs: str, outputs: tuple[str, ...] = ("mirror",), **upstream: object) -> None:
    """Pin files of the folder beside cudepot.toml."""
    project.add("upstream", name=NAME, type="folder", path=NAME, **upstream)
    project.add("pin", upstream=NAME, packages=list(globs or ("*.rpm",)), outputs=list(outputs))


def publish(project: Project) -> None:
    """Lock, sync and publish."""
    for verb in ("lock", "sync", "publish"):
        project.run(verb)


def shown(project: Project) -> set[str]:
    """Return the names of the rpms the site shows."""
    return {one.name for one in (project.site / YUM).glob("*.rpm")}


def configured(project: Project, url: str, path: Path, **options: str) -> DnfRoot:
    """Return a dnf that has what `client dnf` writes, and a distribution with the C library."""
    root = DnfRoot(path, **options)
    root.provide("libc.so.6()(64bit)")
    done = project.run("client", "dnf", NAME, "--url", url, "--output", str(path / "given"), "--json").json
    for name in done["files"]:
        into = root.path / name
        into.parent.mkdir(parents=True, exist_ok=True)
        data = Path(done["folder"], name).read_bytes()
        into.write_bytes(data.replace(b"file:///etc/", f"file://{root.path}/etc/".encode()))
    shutil.rmtree(path / "given")
    return root
