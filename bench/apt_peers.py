"""The peers of ``bench apt``: each is told to do one piece of work into a folder of its own; missing ones are left out.

aptly and reprepro verify hashes, debmirror at least the signature; apt-mirror, apt-mirror2 and curl verify
nothing. debmirror knows no flat repositories and gets the ``dists/`` form of the same packages.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from simulator.process import clean_env

from bench.apt_world import NEEDED, PINNED, World
from bench.installed import LACKING, installed
from bench.rounds import Peer


class Peers:
    """Commands against one URL, in ``folder``; :meth:`clear` forgets what they fetched.

    Attributes:
        threads: connections at once for those that can be told; the number cudepot uses.
    """

    threads = 24

    def __init__(self, world: World, url: str, folder: Path) -> None:
        self.world, self.url, self.round = world, url, 0
        self.top = self.folder = Path(tempfile.mkdtemp(prefix="peers-", dir=folder.parent))
        keys = self.top / "gnupg"
        self.env = clean_env(HOME=str(self.folder), GNUPGHOME=str(keys), PATH=os.environ["PATH"])
        keys.mkdir(parents=True, mode=0o700, exist_ok=True)
        self.clear()
        self._run("gpg", "--batch", "-q", "--import", self.world.armored)

    def clear(self) -> None:
        """Begin with an empty folder; what is old is left alone, as in :class:`bench.apt.Ours`."""
        self.round += 1
        self.folder = self.top / str(self.round)
        self.folder.mkdir(parents=True)
        self.env["HOME"] = str(self.folder)

    def full(self) -> dict[str, Peer]:
        """Mirror everything."""
        return self._present(
            {
                "curl": self._curl,
                "apt-mirror": lambda: self._apt_mirror("apt-mirror"),
                "apt-mirror2": lambda: self._apt_mirror("apt-mirror2"),
                "aptly": self._aptly,
                "debmirror": self._debmirror,
            }
        )

    def again(self) -> dict[str, Peer]:
        """Look whether there is anything new."""
        works = {
            "apt-mirror": lambda: self._apt_mirror("apt-mirror"),
            "apt-mirror2": lambda: self._apt_mirror("apt-mirror2"),
            "aptly": self._aptly_update,
            "debmirror": self._debmirror,
        }
        return self._present(works)

    def pinned(self) -> dict[str, Peer]:
        """Mirror three packages with their dependencies; the peers are told the dependencies by name."""
        names = (*PINNED, *NEEDED)
        return self._present({"aptly": lambda: self._aptly(" | ".join(names)), "reprepro": self._reprepro})

    def _present(self, works: dict[str, Peer]) -> dict[str, Peer]:
        """Leave out what is not installed; apt-mirror works with port 80 only, and fetches with wget."""
        odd = urlsplit(self.url).port is not None or not installed("wget")
        there = {name: work for name, work in works.items() if installed(name)}
        if odd and there.pop("apt-mirror", None):
            LACKING["apt-mirror (port 80 and wget)"] = None
        return there

    def _run(self, *command: str | Path) -> None:
        argv = [str(one) for one in command]
        done = subprocess.run(argv, env=self.env, capture_output=True, text=True, check=False, cwd=self.folder)
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def _curl(self) -> None:
        urls = "".join(f'url = "{self.url}/flat/{deb}"\nremote-name\n' for deb in self.world.debs)
        config = self._write("curl/config", urls)
        into = self.folder / "curl"
        options = ("--parallel", "--parallel-immediate", "--parallel-max", str(self.threads))
        self._run("curl", "-s", "-S", "-f", *options, "--output-dir", into, "-K", config)

    def _apt_mirror(self, command: str) -> None:
        base = self.folder / command
        for name in ("mirror", "skel", "var"):
            (base / name).mkdir(parents=True, exist_ok=True)
        settings = f"set base_path {base}\nset nthreads {self.threads}\nset _tilde 0\nset run_postmirror 0\n"
        settings += "set defaultarch amd64\n" + ("set nodist 0\n" if command == "apt-mirror2" else "")
        line = f"deb [arch=amd64] {self.url}/dists stable main\n"
        self._run(command, self._write(f"{command}.list", settings + line))

    def _aptly_options(self) -> list[str]:
        settings = {
            "rootDir": str(self.folder / "aptly"),
            "downloadConcurrency": self.threads,
            "architectures": ["amd64"],
            "gpgProvider": "gpg",
        }
        return [f"-config={self._write('aptly.conf', json.dumps(settings))}"]

    def _aptly(self, wanted: str = "") -> None:
        options = self._aptly_options()
        chosen = [f"-filter={wanted}"] if wanted else []
        create = ("mirror", "create", f"-keyring={self.world.keyring}", *chosen, "m", f"{self.url}/flat/", "./")
        self._run("aptly", *options, *create)
        self._aptly_update()

    def _aptly_update(self) -> None:
        self._run("aptly", *self._aptly_options(), "mirror", "update", f"-keyring={self.world.keyring}", "m")

    def _debmirror(self) -> None:
        options = ("--method=http", f"--host={self.url.removeprefix('http://')}", "--root=dists", "--dist=stable")
        kinds = ("--section=main", "--arch=amd64", "--nosource", "--diff=none", "--rsync-extra=none")
        key = f"--keyring={self.world.keyring}"
        self._run("debmirror", *options, *kinds, key, self.folder / "debmirror")

    def _reprepro(self) -> None:
        head = "Codename: stable\nArchitectures: amd64\nComponents: main\nUpdate: up\n"
        self._write("reprepro/conf/distributions", head)
        self._write("reprepro/conf/list", "".join(f"{name} install\n" for name in (*PINNED, *NEEDED)))
        update = f"Name: up\nMethod: {self.url}/dists\nSuite: stable\nComponents: main\nArchitectures: amd64\n"
        update += f"VerifyRelease: {self.world.fingerprint[-16:]}\nFilterList: purge list\n"
        self._write("reprepro/conf/updates", update)
        self._run("reprepro", "-b", self.folder / "reprepro", "update")
