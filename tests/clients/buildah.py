"""Builds images with the real buildah, from Dockerfiles, on images made here: nothing is pulled from a registry.

Storage lies in a folder of its own. Isolation is a chroot on this machine's network, so ``http://127.0.0.1`` in a
Dockerfile is a server of the test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from simulator.process import clean_env, run

Done = subprocess.CompletedProcess[str]


def why_not() -> str:
    """Return what keeps this machine from building images; empty when nothing does."""
    if os.geteuid() != 0:
        return "building images needs root here"
    return "" if shutil.which("buildah") else "buildah is not installed"


class Buildah:
    """Images below ``folder``; a context manager that removes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("root", "run", "context", "told"):
            (folder / name).mkdir(parents=True)

    def __enter__(self) -> Buildah:
        return self

    def __exit__(self, *_: object) -> None:
        self.run("rm", "--all", check=False)
        self.run("rmi", "--all", "--force", check=False)

    def run(self, *argv: str | Path, check: bool = True) -> Done:
        """Run a command of buildah's."""
        storage = ("--root", self.folder / "root", "--runroot", self.folder / "run", "--storage-driver", "vfs")
        env = clean_env(HOME=str(self.folder), TMPDIR=str(self.folder))
        return run("buildah", *storage, *argv, env=env, check=check, timeout=900)

    def image(self, tar: Path, name: str) -> str:
        """Make an image of a root file system and return its name."""
        container = self.run("from", "scratch").stdout.strip()
        self.run("add", "--quiet", container, tar, "/")
        image = f"localhost/{name}"  # a bare name may be an alias of a registry's
        self.run("commit", "--quiet", "--rm", container, image)
        return image

    def build(self, dockerfile: str, name: str, *, check: bool = True) -> Done:
        """Build a Dockerfile."""
        path = self.folder / "Dockerfile"
        path.write_text(dockerfile)
        options = ("--isolation", "chroot", "--network", "host", "--pull-never", "--tag", name, "--file", path)
        return self.run("bud", *options, self.folder / "context", check=check)

    def inside(self, image: str, *argv: str) -> str:
        """Return what a command prints in a container of an image.

        It is written to a file: what buildah passes on through its own pipes was empty once, on a loaded machine.
        """
        container = self.run("from", "--pull-never", image).stdout.strip()
        told = ("--volume", f"{self.folder / 'told'}:/told", container, "--", "sh", "-c", '"$@" > /told/out', "sh")
        try:
            self.run("run", "--isolation", "chroot", *told, *argv)
            return (self.folder / "told/out").read_text()
        finally:
            self.run("rm", container)
