"""The peers of ``bench yum``: dnf's ``reposync`` and ``download``, in a root of their own."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from simulator.process import clean_env, run

from bench.installed import installed
from bench.rounds import Peer
from bench.yum_world import PINNED, YumWorld

_CONF = """\
[main]
reposdir={folder}
cachedir={folder}/cache
logdir={folder}/log
persistdir={folder}/persist
installroot={folder}/root
releasever=8
module_platform_id=platform:el8
assumeyes=1
max_parallel_downloads=20
plugins=1
zchunk=0

[{repo}]
name={repo}
baseurl={url}/yum/
gpgcheck={check}
repo_gpgcheck={check}
gpgkey=file://{key}
metadata_expire=0
"""


class DnfPeers:
    """Commands against one URL; :meth:`clear` forgets what they fetched.

    dnf fetches with up to 20 connections, the most it takes.
    """

    def __init__(self, world: YumWorld, url: str, folder: Path) -> None:
        self.world, self.url, self.round = world, url, 0
        self.top = self.folder = Path(tempfile.mkdtemp(prefix="peers-", dir=folder))
        self.clear()

    def clear(self) -> None:
        """Begin with an empty folder, and the key imported where signatures are to be checked."""
        self.round += 1
        self.folder = self.top / str(self.round)
        for name in ("plain", "checked", "chosen"):
            place = self.folder / name
            for part in ("root", "home"):
                (place / part).mkdir(parents=True)
            check = int(name == "checked")
            text = _CONF.format(folder=place, repo=name, url=self.url, check=check, key=self.world.armored)
            (place / "dnf.conf").write_text(text)
        checked = self.folder / "checked"
        # dnf looks for keys where rpm has its database below the root: in HOME on Debian
        root, env = f"--root={checked / 'root'}", self._env("checked")
        (checked / "root" / str(checked / "home").lstrip("/")).mkdir(parents=True)
        inside = checked / "root" / self.world.armored.name
        shutil.copy(self.world.armored, inside)
        run("rpmkeys", root, "--import", inside, env=env)

    def full(self) -> dict[str, Peer]:
        """Mirror everything: hashes only, and header signatures too."""
        if not installed("dnf"):
            return {}
        return {"reposync": self._reposync("plain"), "reposync --gpgcheck": self._reposync("checked", "--gpgcheck")}

    def pinned(self) -> dict[str, Peer]:
        """Fetch three packages and what they need."""
        if not installed("dnf"):
            return {}
        return {"dnf download --resolve": lambda: self._dnf("chosen", "download", "--resolve", *PINNED)}

    def again(self) -> dict[str, Peer]:
        """Look whether there is anything new."""
        return {name: work for name, work in self.full().items() if name == "reposync"}

    def _reposync(self, name: str, *options: str) -> Peer:
        return lambda: self._dnf(name, "reposync", f"--repoid={name}", "--download-metadata", *options)

    def _dnf(self, name: str, verb: str, *options: str) -> None:
        place = self.folder / name
        target = "--download-path" if verb == "reposync" else "--destdir"
        argv = ("dnf", "-q", "-c", place / "dnf.conf", verb, target, place / "out", *options)
        run(*argv, env=self._env(name), cwd=place, timeout=600)
        fetched = len(list(place.rglob("out/**/*.rpm")))
        if fetched < len(PINNED):
            raise RuntimeError(f"{verb} left {fetched} packages: were they deleted for their signatures?")

    def _env(self, name: str) -> dict[str, str]:
        return clean_env(HOME=str(self.folder / name / "home"), PATH=os.environ["PATH"])
