"""A stand-in of all that NVIDIA's guide has people fetch: repositories by distribution, archives, installers, a zip.

Names and places are the real ones. Debs of one release are the same in every Ubuntu here; NVIDIA builds them anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from simulator.apt import FlatRepo
from simulator.cross import split_cross_debs
from simulator.cudnn import CudnnRelease, write_archive
from simulator.debs import Deb, simple_deb, write_deb, write_debs
from simulator.installers import installer, rpm_installer
from simulator.nvidia import Artifacts
from simulator.rpms import Rpm, cudnn_rpms, samples_rpm, sign_rpms, simple_rpm, write_rpm
from simulator.windows import write_zip
from simulator.yum import RhelArtifacts, YumRepo

EIGHT, SEVEN, NINE = "8.0.5.39", "7.6.5.32", "9.14.0.64"
CUDAS = ("10.1", "10.2", "11.0", "11.1")
OF_8 = tuple(CudnnRelease(EIGHT, cuda) for cuda in CUDAS)
OF_7 = CudnnRelease(SEVEN, "10.2")
OF_9 = (CudnnRelease(NINE, "12"), CudnnRelease(NINE, "13"))
UBUNTU = ("ubuntu1604", "ubuntu1804", "ubuntu2004", "ubuntu2204")
RPM_BASED = ("rhel7", "rhel8", "rhel9", "sles15")
TODAY = ("ubuntu2204", "rhel9", "sles15")
"""Distributions that the guide of today is for; the others are those of the 8.0.5 guide."""


class Shelf:
    """What NVIDIA offers, below ``root``; ``downloads`` is what somebody has fetched from behind the login.

    Attributes:
        key: of the apt repositories; ``yum_key`` of those for rpms, ``old_yum_key`` of cuDNN 7's rpms.
    """

    def __init__(self, folder: Path, apt: Artifacts, yum: RhelArtifacts) -> None:
        self.root, self.downloads, self._made = folder / "site", folder / "downloads", folder / "made"
        for one in (self.root, self.downloads, self._made):
            one.mkdir(parents=True)
        self.apt, self.yum = apt, yum
        self.key, self.yum_key, self.old_yum_key = apt.key, yum.key, yum.old_key
        self.key_files = {name: folder / name for name in ("apt.pub", "yum.pub", "yum-old.pub")}
        for path, key in zip(self.key_files.values(), (apt.key, yum.key, yum.old_key), strict=True):
            path.write_bytes(key.armored)
        self._debs()
        self._rpms()
        self._downloads()

    def _debs(self) -> None:
        eight = [deb for one in OF_8 for deb in self.apt.build(one).debs]
        seven, nine = self.apt.build(OF_7).debs, [deb for one in OF_9 for deb in write_debs(one, self._made)]
        more = [write_deb(deb, self._made) for deb in toolkit_debs("11-1", "11.1.1")]
        new = [write_deb(deb, self._made) for deb in (*toolkit_debs("13-0", "13.0.2"), *driver_debs())]
        for name in UBUNTU:
            chosen = [*nine, *new] if name in TODAY else [*eight, *seven, *more]
            if name == "ubuntu2004":  # NVIDIA has none for CUDA 10 there
                chosen = [one for one in chosen if "+cuda10" not in one.name]
            self._flat(f"compute/cuda/repos/{name}/x86_64", chosen)
        toolkit = [write_deb(simple_deb("nvidia-container-toolkit", "1.17.8-1"), self._made)]
        self._flat("libnvidia-container/stable/deb/amd64", toolkit)

    def _flat(self, path: str, debs: Iterable[Path]) -> None:
        repo = FlatRepo(self.root / path, self.apt.keys, self.key)
        repo.add(*debs)
        repo.publish()

    def _rpms(self) -> None:
        there = self.yum.rpms.files
        old = [rpm for cuda in ("10.1", "11.0") for rpm in cudnn_rpms(CudnnRelease(EIGHT, cuda))]
        old += [*map(samples_rpm, OF_8), *toolkit_rpms("11-1", "11.1.1")]
        new = cudnn_rpms(OF_9[0]) + toolkit_rpms("13-0", "13.0.2")
        new += [simple_rpm("nvidia-open", "580.95.05"), _meta_rpm()]
        before = [path for name, path in there.items() if name.startswith(("libcudnn7-", "libcudnn8-"))]
        before = [path for path in before if "8.2.4" not in path.name and "aarch64" not in path.name]
        olds, news = self._signed(old), self._signed(new)
        for name in RPM_BASED:
            self._yum(f"compute/cuda/repos/{name}/x86_64", news if name in TODAY else [*before, *olds])
        toolkit = self._signed([simple_rpm("nvidia-container-toolkit", "1.17.8")])
        self._yum("libnvidia-container/stable/rpm/x86_64", toolkit)

    def _signed(self, rpms: Iterable[Rpm]) -> list[Path]:
        made = [write_rpm(rpm, self._made) for rpm in rpms]
        sign_rpms(made, self.yum.keys, self.yum_key)
        return made

    def _yum(self, path: str, rpms: Iterable[Path]) -> None:
        repo = YumRepo(self.root / path, self.yum.keys, self.yum_key)
        repo.add(*rpms)
        repo.publish()

    def _downloads(self) -> None:
        """Lay out what the guide has one download by hand, and DRIVE OS's packages, which no repository has."""
        for one in OF_8:
            shutil.copy(self.apt.build(one).archive, self.downloads)
        write_archive(CudnnRelease(EIGHT, "11.1", "aarch64"), self.downloads)
        write_archive(OF_9[0], self.downloads)
        write_zip(OF_8[-1], self.downloads)
        self._installer_of_its_time()
        names = [f"libcudnn8{part}-{EIGHT}-1.cuda11.1.x86_64.rpm" for part in ("", "-devel")]
        rpms = [self.root / "compute/cuda/repos/rhel8/x86_64" / name for name in names]
        write_rpm(rpm_installer(self._made, self.yum.keys, self.yum_key, *rpms, version=EIGHT), self.downloads)
        for deb in split_cross_debs(OF_7, "aarch64"):
            write_deb(deb, self.downloads)

    def _installer_of_its_time(self) -> None:
        """Write the local repository as of 2020: the key lies in it as text, and the source names none."""
        name = f"cudnn-local-repo-ubuntu1804-{EIGHT}"
        repo = FlatRepo(self._made / f"{name}.tree", self.apt.keys, self.apt.key)
        repo.add(*self.apt.build(OF_8[-1]).debs)
        repo.publish()
        deb = installer(repo, name, self.apt.keys)
        deb.files = {path: data for path, data in deb.files.items() if not path.endswith(("-keyring.gpg", ".pub"))}
        deb.files[f"/var/{name}/7fa2af80.pub"] = self.apt.key.armored
        deb.files[f"/etc/apt/sources.list.d/{name}.list"] = f"deb file:///var/{name} /\n".encode()
        write_deb(deb, self.downloads)


def toolkit_debs(cuda: str, version: str) -> list[Deb]:
    """Return the toolkit of a CUDA as a meta package and one of those it brings."""
    nvcc = simple_deb(f"cuda-nvcc-{cuda}", f"{version}-1")
    return [nvcc, simple_deb(f"cuda-toolkit-{cuda}", f"{version}-1", Depends=f"cuda-nvcc-{cuda} (>= {version})")]


def driver_debs() -> list[Deb]:
    """Return the meta packages of the driver."""
    return [simple_deb("nvidia-open", "580.95.05-1"), simple_deb("cuda-drivers", "580.95.05-1")]


def toolkit_rpms(cuda: str, version: str) -> list[Rpm]:
    """Return the toolkit of a CUDA as :func:`toolkit_debs` does."""
    needs = f"Requires: cuda-nvcc-{cuda} >= {version}"
    return [simple_rpm(f"cuda-nvcc-{cuda}", version), simple_rpm(f"cuda-toolkit-{cuda}", version, "1", "x86_64", needs)]


def _meta_rpm() -> Rpm:
    needs = [f"Requires: libcudnn9{part}-cuda-12 >= {NINE}" for part in ("-devel", "-static", "")]
    return simple_rpm("cudnn9-cuda-12", NINE.rpartition(".")[0], "1", "x86_64", *needs)
