"""The states of a project with an environment of conda packages: one is shown, and its channel has moved on."""

from __future__ import annotations

from pathlib import Path

from simulator.conda_channel import CondaChannel, CondaPackage
from simulator.project import Project
from simulator.sides import Far

from bench.faults_environment import REST, Keep, do

_NAME = "conda-forge"
_FIRST = (
    CondaPackage("libzlib", "1.3.1", "h1_2", 2, run_exports=("libzlib >=1.3.1,<2.0a0",)),
    CondaPackage("tzdata", "2026.1", "h2_0", subdir="noarch"),
    CondaPackage("python", "3.12.8", "h1_0", depends=("libzlib >=1.3.1", "tzdata")),
    CondaPackage("pip", "25.0", "py_0", depends=("python >=3.9",), subdir="noarch"),
    CondaPackage("cudnn", "9.10", "h12_0", depends=("libzlib",)),
    CondaPackage("python", "3.12.8", "h1_0", depends=("libzlib >=1.3.1", "tzdata"), subdir="linux-aarch64"),
    CondaPackage("libzlib", "1.3.1", "h1_2", 2, subdir="linux-aarch64"),
    CondaPackage("cudnn", "9.10", "h12_0", depends=("libzlib",), subdir="linux-aarch64"),
)
_LATER = (
    CondaPackage("python", "3.12.9", "h1_0", depends=("libzlib >=1.3.1", "tzdata")),
    CondaPackage("cudnn", "9.15", "h13_0", depends=("libzlib >=1.3.2",)),
    CondaPackage("libzlib", "1.3.2", "h1_0"),
)


def states(folder: Path, channels: tuple[Path, str], key: str, gnupg: Path, keep: Keep) -> None:
    """Build the states before lock, sync, publish and export, one in which all is shown, and that of a far side.

    Args:
        folder: where ``site.asc`` is, the site's public key.
        channels: an empty folder, and the URL under which it is served.
        key, gnupg: the site's.
        keep: what keeps a state.
    """
    channel = CondaChannel(channels[0] / _NAME)
    for package in _FIRST:
        channel.add(package)
    channel.publish()
    project = Project(folder / "conda", key=key, gnupg=gnupg).init()
    project.add("upstream", name=_NAME, type="conda", url=f"{channels[1]}/{_NAME}/")
    project.add("environment", name="dl", platforms=["linux-64", "linux-aarch64"], conda=["python", "cudnn"])
    do(project, "lock", "sync", "publish")
    for package in _LATER:
        channel.add(package)
    channel.attest("linux-64", "libzlib-1.3.2-h1_0.conda")
    channel.publish()
    keep(project.base, "conda-lock", "lock", "--upgrade", after=REST)
    project.run("lock", "--upgrade")
    keep(project.base, "conda-sync", "sync", after=REST[1:])
    do(project, "sync")
    keep(project.base, "conda-publish", "publish")
    do(project, "publish")
    keep(project.base, "conda-rollback", "rollback", "1")
    keep(project.base, "conda-gc", "gc", "--keep", "1", "--force")
    keep(project.base, "conda-bundle", "bundle", "export", "OUT/all.tar", "--since", "0")
    bundle = folder / "conda.tar"
    project.run("bundle", "export", str(bundle), "--since", "0")
    far = Far(folder / "far-conda", folder / "site.asc").init()
    keep(far.base, "far-channel", "bundle", "import", str(bundle), after=REST[1:])
