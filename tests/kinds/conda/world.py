"""A channel as conda-forge serves one, on loopback, and a project that mirrors some of it."""

from __future__ import annotations

import contextlib
import json
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from simulator.conda_channel import CondaChannel, CondaPackage
from simulator.project import Project
from simulator.server import Server

NAME = "conda-forge"
PACKAGES = (
    CondaPackage("libzlib", "1.3.1", "h1_2", 2, run_exports=("libzlib >=1.3.1,<2.0a0",)),
    CondaPackage("libzlib", "1.2.13", "h0_6", 6),
    CondaPackage("zlib", "1.3.1", "h1_2", 2, ("libzlib 1.3.1 h1_2",)),
    CondaPackage("numpy", "2.1.0", "py311_0", 0, ("libzlib",)),
    CondaPackage("numpy", "2.1.0", "py312_0", 0, ("libzlib",)),
    CondaPackage("numpy", "2.0.0", "py312_0", 0, ("libzlib",)),
    CondaPackage("tzdata", "2026.1", "h2_0", subdir="noarch"),
)
"""What the channel has at first."""


class Forge:
    """A channel and its server.

    Attributes:
        channel: change it, then publish it.
        server: shows it below :attr:`url`.
    """

    def __init__(self, server: Server) -> None:
        self.server, self.channel = server, CondaChannel(server.root / NAME)
        for package in PACKAGES:
            both = (".tar.bz2", ".conda") if package.version == "1.2.13" else ()
            self.channel.add(package, *both)
        self.channel.publish()

    @property
    def url(self) -> str:
        """The channel's URL."""
        return f"{self.server.url}/{NAME}/"

    def pin(self, project: Project, *packages: str, **pin: object) -> None:
        """Let a project mirror these, and nothing else."""
        project.sections.clear()
        project.add("upstream", name=NAME, type="conda", url=self.url)
        project.add("pin", upstream=NAME, packages=list(packages), **pin)


@contextlib.contextmanager
def forging(folder: Path, more: Iterable[CondaPackage] = ()) -> Iterator[Forge]:
    """Serve a channel below a folder, with more packages than it has at first."""
    (folder / "channels").mkdir()
    with Server(folder / "channels") as server:
        made = Forge(server)
        for package in more:
            made.channel.add(package)
        made.channel.publish()
        yield made


def locked(project: Project) -> dict[str, dict[str, Any]]:
    """Return ``SUBDIR/FILE`` → what is locked of it, the record read."""
    found = tomllib.loads(project.lock.read_text()).get("artifact", [])
    return {one["filename"]: one | {"record": json.loads(one["record"])} for one in found}


def shown(project: Project, channel: str, subdir: str = "linux-64") -> dict[str, Any]:
    """Return what the site's repodata.json says, by file name."""
    index = json.loads((project.site / "conda" / channel / subdir / "repodata.json").read_text())
    return {**index["packages"], **index["packages.conda"]}
