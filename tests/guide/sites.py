"""The four sites the guide is followed on: all of NVIDIA's repositories or some pins, in a folder or in a bucket.

They are made once: the bucket of a project is published from a copy of it, whose store has all objects already.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.s3 import S3Server
from simulator.server import Server
from tests.clients import web
from tests.guide.shelf import CUDAS, EIGHT, NINE, OF_7, RPM_BASED, SEVEN, TODAY, UBUNTU, Shelf

_OLD_CUDAS = ("10.1", "10.2")


@dataclass(frozen=True)
class Followed:
    """A site as clients reach it.

    Attributes:
        url: its address, without a slash at the end.
        project: whose site it is.
        upstream: NVIDIA, which nobody may ask any more.
    """

    url: str
    project: Project
    upstream: Server


class Makers:
    """What sites are made of; ``stack`` ends their servers."""

    def __init__(self, folder: Path, shelf: Shelf, key: tuple[KeyHome, Key], stack: contextlib.ExitStack) -> None:
        self.folder, self.shelf, self._stack, self._site_key = folder, shelf, stack, key
        self.upstream = stack.enter_context(Server(shelf.root))

    def folder_site(self, kind: str) -> Followed:
        """Publish to a folder behind nginx, which runs first: its address stands in what the site shows."""
        home, key = self._site_key
        project = Project(self.folder / kind, key=key.fingerprint, gnupg=home.path)
        (self.folder / f"nginx-{kind}").mkdir()
        url = self._stack.enter_context(web.nginx(project.base, self.folder / f"nginx-{kind}"))
        project.sections = [f'url = "{url}"\nnvidia-paths = true\n']
        project.init()
        self._wishes(project, whole=kind == "whole")
        for verb in ("lock", "sync", "publish"):
            project.run(verb)
        self.upstream.forget()
        return Followed(url, project, self.upstream)

    def bucket_site(self, kind: str, of: Followed, server: S3Server) -> Followed:
        """Publish what a project's folder site shows to a bucket."""
        home, key = self._site_key
        base, bucket = self.folder / f"{kind}-bucket", server.bucket()
        shutil.copytree(of.project.base, base, ignore=shutil.ignore_patterns("site"), symlinks=True)
        project = Project(base, key=key.fingerprint, gnupg=home.path)
        project.env |= server.env
        url = f"{server.url}/{bucket}/pub"
        head = f'type = "s3"\nbucket = "{bucket}"\nprefix = "pub"\nendpoint = "{server.url}"\n'
        project.sections = [f'{head}public-url = "{url}"\nnvidia-paths = true\n', *of.project.sections[1:]]
        project.write()
        project.run("publish")
        return Followed(url, project, self.upstream)

    def _wishes(self, project: Project, *, whole: bool) -> None:
        for name in UBUNTU:
            self._apt(project, f"{name}/x86_64", f"compute/cuda/repos/{name}/x86_64/", whole, _debs(name))
        for name in RPM_BASED:
            self._yum(project, f"{name}/x86_64", f"compute/cuda/repos/{name}/x86_64/", whole, _rpms(name))
        toolkit = ["nvidia-container-toolkit"]
        self._apt(project, "toolkit-deb", "libnvidia-container/stable/deb/amd64/", whole, toolkit)
        self._yum(project, "toolkit-rpm", "libnvidia-container/stable/rpm/x86_64/", whole, toolkit)
        downloads = str(self.shelf.downloads)
        project.add("upstream", name="downloads", type="folder", path=downloads)
        project.add("pin", upstream="downloads", packages=["cudnn-*"])
        project.add("upstream", name="drive", type="folder", path=downloads)
        project.add("pin", upstream="drive", packages=["libcudnn7-*cross-aarch64_*.deb"])

    def _apt(self, project: Project, name: str, path: str, whole: bool, pins: Sequence[str]) -> None:
        keys = {"keys": [self.shelf.key.fingerprint], "keyrings": [str(self.shelf.key_files["apt.pub"])]}
        self._repository(project, name, "apt", path, keys, whole, pins)

    def _yum(self, project: Project, name: str, path: str, whole: bool, pins: Sequence[str]) -> None:
        files = self.shelf.key_files
        keys = {
            "keys": [self.shelf.yum_key.fingerprint],
            "rpm_keys": [self.shelf.yum_key.fingerprint, self.shelf.old_yum_key.fingerprint],
            "keyrings": [str(files["yum.pub"]), str(files["yum-old.pub"])],
        }
        self._repository(project, name, "yum", path, keys, whole, pins)

    def _repository(
        self, project: Project, name: str, kind: str, path: str, keys: dict[str, list[str]], whole: bool,
        pins: Sequence[str],
    ) -> None:  # fmt: skip
        url = f"{self.upstream.url}/{path}"
        project.add("upstream", name=name, type=kind, url=url, **keys, **({"whole": True} if whole else {}))
        if not whole:
            project.add("pin", upstream=name, packages=list(pins))


def _debs(distribution: str) -> list[str]:
    if distribution in TODAY:
        return ["cudnn9-cuda-12", f"libcudnn9-cuda-12={NINE}-1", "cuda-toolkit-13-0", "nvidia-open", "cuda-drivers"]
    cudas = [one for one in CUDAS if distribution != "ubuntu2004" or one not in _OLD_CUDAS]
    eight = [f"libcudnn8{part}={EIGHT}-1+cuda{cuda}" for cuda in cudas for part in ("", "-dev", "-samples")]
    seven = [] if distribution == "ubuntu2004" else [f"libcudnn7-dev={SEVEN}-1+cuda{OF_7.cuda}"]
    return [*eight, *seven, "cuda-toolkit-11-1"]


def _rpms(distribution: str) -> list[str]:
    if distribution in TODAY:
        return ["cudnn9-cuda-12", f"libcudnn9-cuda-12-{NINE}-1", "cuda-toolkit-13-0", "nvidia-open"]
    eight = [f"libcudnn8{part}-{EIGHT}-1.cuda{cuda}" for cuda in CUDAS for part in ("", "-devel", "-samples")]
    return [*eight, f"libcudnn7-devel-{SEVEN}-1.cuda{OF_7.cuda}", "cuda-toolkit-11-1"]


def made_of(makers: Makers, server: S3Server) -> Iterator[tuple[str, Followed]]:
    """Give the four sites by the names that the guide's data have for them."""
    for kind in ("whole", "pinned"):
        folder = makers.folder_site(kind)
        yield f"{kind} folder", folder
        yield f"{kind} bucket", makers.bucket_site(kind, folder, server)
