"""A distribution in small, with its security suite and NVIDIA's repository beside it: what environments are made of.

A few debs with the dependencies that matter: essential packages, a C library that security has a newer version of,
kernel headers by a meta package, and a CUDA meta whose closure crosses into the distribution.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from simulator.apt import DistsRepo, FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.keys import Key, KeyHome
from simulator.project import Project

MAIN, SECURITY, CUDA = "debian/main", "debian/security", "debian12/x86_64"
OLD, NEW = "2.36-9", "2.36-9+deb12u1"
_ESSENTIAL = {"Essential": "yes", "Priority": "required"}


class SmallDistribution:
    """Three repositories in ``folder``, which a server shows at ``url``.

    Attributes:
        main, security: the distribution's suites.
        cuda: NVIDIA's repository for it.
        arches: architectures that everything is there for.
        made: folder for debs; those that are there already are taken.
    """

    def __init__(self, folder: Path, url: str, keys: KeyHome, key: Key, *arches: str, made: Path | None = None) -> None:
        self.folder, self.url, self.arches = folder, url, arches or ("amd64",)
        self._made = made or folder / "made"
        self._made.mkdir(parents=True, exist_ok=True)
        self._ring = folder / "distribution.asc"
        self._ring.write_bytes(key.armored)
        self._key = key
        self.main = DistsRepo(folder / "debian", keys, key, suite="bookworm")
        self.main.fields |= {"Origin": "Debian", "Label": "Debian", "Suite": "stable", "Codename": "bookworm"}
        self.security = DistsRepo(folder / "security", keys, key, suite="bookworm-security")
        self.security.fields |= {
            "Origin": "Debian", "Label": "Debian-Security", "Suite": "stable-security", "Codename": "bookworm-security",
        }  # fmt: skip
        self.cuda = FlatRepo(folder / "cuda", keys, key)
        self._fill()
        self.publish()

    def _fill(self) -> None:
        self.offer(self.main, "libc6", OLD)
        self.offer(self.main, "base-files", "12.4", **_ESSENTIAL)
        self.offer(self.main, "dpkg", "1.21", Pre_Depends=f"libc6 (>= {OLD})", **_ESSENTIAL)
        self.offer(self.main, "mawk", "1.3", Provides="awk", Priority="required")
        self.offer(self.main, "apt", "2.6", Depends="libc6, awk", Priority="important")
        self.offer(self.main, "binutils", "2.40", Depends="libc6")
        self.offer(self.main, "gcc", "12.2", Depends="binutils, libc6", Recommends="libc6-dev")
        self.offer(self.main, "make", "4.3", Depends="libc6")
        self.offer(self.main, "libc6-dev", OLD, Depends="libc6 (>= 2.36)")
        self.offer(self.main, "build-essential", "12.9", Depends="gcc, make")
        self.offer(self.main, "game", "1.0", Depends="libc6")
        self.offer(self.main, "usr-is-merged", "37", Depends="libc6")
        for arch in self.arches:
            self.offer(self.main, f"linux-headers-6.1.0-1-{arch}", "6.1.1", only=arch)
            name = f"linux-headers-{arch}"
            self.offer(self.main, name, "6.1.1", only=arch, Depends=f"linux-headers-6.1.0-1-{arch}")
        self.offer(self.security, "libc6", NEW)
        self.offer(self.cuda, "cuda-cudart-12-6", "12.6.77-1", Depends="libc6")
        self.offer(self.cuda, "cuda-nvcc-12-6", "12.6.85-1", Depends="build-essential")
        needs = "cuda-nvcc-12-6 (>= 12.6.85), cuda-cudart-12-6"
        self.offer(self.cuda, "cuda-toolkit-12-6", "12.6.3-1", Depends=needs)

    def offer(self, repo: DistsRepo | FlatRepo, name: str, version: str, *, only: str = "", **fields: str) -> None:
        """Put a package into a repository, for all architectures or one; publishing is another step."""
        for arch in [only] if only else self.arches:
            wanted = simple_deb(name, version, arch, **fields)
            told = "-".join(f"{key}={text}" for key, text in fields.items())
            place = self._made / hashlib.sha256(told.encode()).hexdigest()[:8]
            place.mkdir(exist_ok=True)
            deb = place / wanted.file_name
            deb = deb if deb.exists() else write_deb(wanted, place)
            if isinstance(repo, FlatRepo):
                repo.add(deb)
            else:
                repo.add(deb, arch=arch)

    def withdraw(self, name: str, version: str) -> None:
        """Leave a version of a package out of the distribution's suites, as security does with older ones."""
        begins = f"Package: {name}\nVersion: {version}\n"
        for repo in (self.main, self.security):
            for place, stanzas in repo.places.items():
                repo.places[place] = [one for one in stanzas if not one.startswith(begins)]

    def publish(self) -> None:
        """Publish all three as they are now."""
        for one in (self.main, self.security, self.cuda):
            one.publish()

    def add_upstreams(self, project: Project) -> None:
        """Add the three to a project."""
        for name, values in self.upstreams():
            project.add("upstream", name=name, type="apt", **values)

    def upstreams(self) -> list[tuple[str, dict[str, object]]]:
        """Return what cudepot.toml says of each of the three, by name."""
        said = {"keys": [self._key.fingerprint], "keyrings": [str(self._ring)], "architectures": list(self.arches)}
        return [
            (MAIN, {"url": f"{self.url}/debian/", "suites": ["bookworm"], "components": ["main"], **said}),
            (
                SECURITY,
                {"url": f"{self.url}/security/", "suites": ["bookworm-security"], "components": ["main"], **said},
            ),
            (CUDA, {"url": f"{self.url}/cuda/", **said}),
        ]
