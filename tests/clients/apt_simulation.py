"""Asks the real apt-get whether it would install something from a Packages index, without fetching anything.

The index is put where apt keeps what it has fetched, so that one question takes one run of ``apt-get -s``: a property
can be held against hundreds of small repositories.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.clients.apt import AptRoot


class Simulation:
    """A machine whose only source is an index of our making.

    Args:
        folder: an empty folder for it.
        machines: its own architecture, then those that it takes beside it.
    """

    def __init__(self, folder: Path, machines: Sequence[str] = ("amd64",)) -> None:
        self.root = AptRoot(folder, machines[0], tuple(machines[1:]))
        self._native = machines[0]
        source = self.root.path / "etc/apt/sources.list.d/site.list"
        source.write_text("deb [trusted=yes] file:/site/ /\n")
        self._index = self.root.path / "var/lib/apt/lists/_site_Packages"
        self._status = self.root.path / "var/lib/dpkg/status"

    def offer(self, index: str, installed: Sequence[str] = ()) -> None:
        """Set what the source has, and the names that the distribution has installed, in version 1."""
        shutil.rmtree(self.root.path / "var/cache/apt", ignore_errors=True)
        (self.root.path / "var/cache/apt/archives/partial").mkdir(parents=True)
        self._index.write_text(index)
        self._status.write_text("\n".join(_installed(one, self._native) for one in installed))

    def install(self, *specs: str) -> set[str] | None:
        """Return what would be installed, each as ``NAME VERSION ARCHITECTURE``; None where apt refuses."""
        options = ("-o", "APT::Get::AllowUnauthenticated=true", "--no-install-recommends")
        done = self.root.apt_get("-s", "-y", *options, "install", *specs, check=False)
        if done.returncode:
            return None
        return {_label(line) for line in done.stdout.splitlines() if line.startswith("Inst ")}


def _installed(name: str, architecture: str) -> str:
    return (
        f"Package: {name}\nStatus: install ok installed\nArchitecture: {architecture}\nVersion: 1\n"
        f"Maintainer: x <x@x>\nDescription: x\n"
    )


def _label(line: str) -> str:
    """Return the package of a line such as ``Inst app (1.0 site [amd64])``, whatever is installed of it now."""
    name = line.split()[1].partition(":")[0]
    version, *_, architecture = line[line.index("(") + 1 : line.index(")")].split()
    return f"{name} {version} {architecture.strip('[]')}"
