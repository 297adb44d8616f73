"""The standard world of the tests: NVIDIA with cuDNN 8.0.5.39 for CUDA 10.2 and 11.1, served on loopback.

Artifacts are built once per session (:class:`Artifacts`); every test gets a copy of the site and a server of its
own (:class:`Nvidia`), so that it can publish, re-sign and break what it likes.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType

from simulator.apt import FlatRepo
from simulator.cudnn import CudnnRelease, Parts, parts, write_archive
from simulator.debs import write_debs
from simulator.keys import Key, KeyHome
from simulator.server import Server
from simulator.simple import WheelIndex
from simulator.wheels import write_cublas_wheel, write_wheel

VERSION = "8.0.5.39"
APT_PATH = "/compute/cuda/repos/ubuntu2004/x86_64"
CUBLAS = {"10": "10.2.3.254", "11": "11.3.0.106"}


@dataclass(frozen=True)
class Built:
    """One release as files: the same bytes three times."""

    release: CudnnRelease
    archive: Path
    debs: tuple[Path, ...]
    wheel: Path

    @property
    def parts(self) -> Parts:
        """The bytes all of them carry."""
        return parts(self.release)


class Artifacts:
    """Everything that takes time, built once into ``folder``; nobody changes it afterwards.

    Attributes:
        keys: home of all secret keys below.
        key: NVIDIA's key of the apt repository.
        other_key: a good key that nobody pinned.
        expired_key: a key that expired long ago.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder, folder / "site"
        self.files = folder / "files"
        self.files.mkdir(parents=True)
        self._built: dict[CudnnRelease, Built] = {}
        self.keys = KeyHome()
        self.key = self.keys.generate("cudatools <cudatools@example.com>")
        self.other_key = self.keys.generate("stranger <stranger@example.com>")
        self.releases = {cuda: self.build(CudnnRelease(VERSION, cuda)) for cuda in ("10.2", "11.1")}
        self.repo, self.index = self._publish()

    @cached_property
    def expired_key(self) -> Key:
        """A key that expired long ago; made when first asked for."""
        return self.keys.expired("former <former@example.com>")

    def build(self, release: CudnnRelease) -> Built:
        """Return archive, debs and wheel of ``release``, built when first asked for."""
        if release in self._built:
            return self._built[release]
        folder = self.files / f"{release.version}-{release.cuda}-{release.machine}"
        folder.mkdir()
        debs = write_debs(release, folder, lambda text: self.keys.clearsign(text, self.key, digest="SHA512"))
        built = Built(release, write_archive(release, folder), debs, write_wheel(release, folder))
        return self._built.setdefault(release, built)

    def _publish(self) -> tuple[FlatRepo, WheelIndex]:
        repo = FlatRepo(self.site / APT_PATH.lstrip("/"), self.keys, self.key)
        index = WheelIndex(self.site)
        for built in self.releases.values():
            repo.add(*built.debs)
            index.add(built.wheel)
        for major, version in CUBLAS.items():
            index.add(write_cublas_wheel(major, version, self.files))
        repo.publish()
        index.publish()
        for file in self.site.rglob("*"):
            if file.stat().st_mtime > repo.clock.timestamp():
                os.utime(file, (repo.clock.timestamp(),) * 2)
        return repo, index


class Nvidia:
    """NVIDIA for one test: a site of its own under ``folder``, and a server over it (a context manager).

    Attributes:
        server: the server, with its faults and its record of requests.
        repo: the flat apt repository; ``add`` and ``publish`` change what is served.
        index: the wheel index, likewise.
        downloads: a folder with the ``.tgz`` archives, as a user has downloaded them.
        keyring: NVIDIA's public key as a binary keyring file; ``key_file`` the same as text.
    """

    def __init__(self, artifacts: Artifacts, folder: Path) -> None:
        self.artifacts, self.folder, self.root = artifacts, folder, folder / "site"
        shutil.copytree(artifacts.site, self.root)
        self.keys, self.key, self.other_key = artifacts.keys, artifacts.key, artifacts.other_key
        self.repo = artifacts.repo.at(self.root / APT_PATH.lstrip("/"), self.keys)
        self.index = artifacts.index.at(self.root)
        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        for built in artifacts.releases.values():
            shutil.copyfile(built.archive, self.downloads / built.archive.name)
        self.keyring, self.key_file = folder / "cuda-archive-keyring.gpg", folder / self.repo.pub_name
        self.keyring.write_bytes(self.key.binary)
        self.key_file.write_bytes(self.key.armored)
        self.server = Server(self.root)

    def __enter__(self) -> Nvidia:
        self.server.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.server.__exit__(kind, e, tb)

    @property
    def url(self) -> str:
        """Base URL, without a slash at the end."""
        return self.server.url

    @property
    def apt_path(self) -> str:
        """Path of the flat repository on the server, without a slash at the end (for faults)."""
        return APT_PATH

    @property
    def apt_url(self) -> str:
        """URL of the flat repository, with a slash at the end."""
        return f"{self.url}{APT_PATH}/"

    @property
    def simple_url(self) -> str:
        """URL of the wheel index, with a slash at the end."""
        return f"{self.url}/simple/"

    def built(self, cuda: str = "11.1") -> Built:
        """Return one of the two releases."""
        return self.artifacts.releases[cuda]
