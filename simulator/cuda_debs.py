"""Stand-ins for NVIDIA's debs and rpms around cuDNN: ``libcublas-13-0``, ``cuda-nvrtc-13-0``, and their dev.

Layout as ``dpkg -L libcublas-12-2`` and its kin list it: everything below ``/usr/local/cuda-X.Y``, libraries under
their full version with a link for the SONAME, a link ``lib64``, the licence as Debian's copyright file.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

from simulator.debs import Deb, simple_deb, write_deb
from simulator.elf import Library, shared_library
from simulator.rpms import Rpm, write_rpm

LICENCE = b"stand-in CUDA licence agreement: grants nothing\n"


@dataclass(frozen=True)
class Component:
    """One release of cuBLAS or NVRTC.

    Attributes:
        stem: ``libcublas`` or ``cuda-nvrtc``.
        cuda: ``13.0``.
    """

    stem: str
    version: str
    cuda: str
    machine: str = "x86_64"

    @property
    def dashed(self) -> str:
        """CUDA as package names write it: ``13-0``."""
        return self.cuda.replace(".", "-")

    @property
    def lib(self) -> str:
        """Folder of the libraries."""
        target = {"aarch64": "sbsa-linux"}.get(self.machine, f"{self.machine}-linux")
        return f"/usr/local/cuda-{self.cuda}/targets/{target}/lib"

    def sonames(self) -> dict[str, str]:
        """SONAME by library, as NVIDIA's have them."""
        major = self.cuda.partition(".")[0]
        if self.stem == "libcublas":
            return {one: f"{one}.so.{major}" for one in ("libcublas", "libcublasLt", "libnvblas")}
        number = major if int(major) >= 12 else "11.2"
        return {"libnvrtc": f"libnvrtc.so.{number}", "libnvrtc-builtins": f"libnvrtc-builtins.so.{self.cuda}"}


def runtime_files(one: Component) -> dict[str, bytes | str]:
    """Return the libraries, their links, and the link beside them."""
    top = f"/usr/local/cuda-{one.cuda}/"
    files: dict[str, bytes | str] = {f"{top}lib64": one.lib.removeprefix(top)}
    for stem, soname in one.sonames().items():
        full = f"{stem}.so.{one.version}"
        files[f"{one.lib}/{full}"] = library(one, soname)
        files[f"{one.lib}/{soname}"] = full
    return files


def library(one: Component, soname: str) -> bytes:
    """Return one stand-in library; deb, rpm and wheel of a release hold the same."""
    return shared_library(Library(soname, f"stand-in {soname} {one.version}", machine=one.machine))


def development_files(one: Component) -> dict[str, bytes | str]:
    """Return what nobody repackages: headers, static archives, links, stubs, pkg-config, Fortran examples."""
    top, (stem, soname) = f"/usr/local/cuda-{one.cuda}", next(iter(one.sonames().items()))
    return {
        f"{one.lib}/{stem}.so": soname,
        f"{one.lib}/{stem}_static.a": b"!<arch>\n",
        f"{one.lib}/stubs/{stem}.so": b"stub",
        f"{one.lib.removesuffix('/lib')}/include/{stem.removeprefix('lib')}.h": b"/* stand-in */\n",
        f"{top}/src/fortran.c": b"/* stand-in */\n",
        f"/usr/lib/pkgconfig/{stem.removeprefix('lib')}-{one.cuda}.pc": b"Name: stand-in\n",
    }


def component_debs(one: Component) -> list[Deb]:
    """Return the runtime and the development deb."""
    names = [f"{one.stem}-{one.dashed}", f"{one.stem}-dev-{one.dashed}"]
    version, arch = f"{one.version}-1", {"x86_64": "amd64", "aarch64": "arm64"}[one.machine]
    made = []
    for name, files in zip(names, (runtime_files(one), development_files(one)), strict=True):
        deb = simple_deb(name, version, arch, Depends=f"{names[0]} (>= {version})" if name != names[0] else "libc6")
        doc = f"/usr/share/doc/{name}"
        deb.files = {
            **files,
            f"{doc}/changelog.Debian.gz": gzip.compress(f"{name} ({version})\n".encode(), mtime=0),
            f"{doc}/copyright": LICENCE,
        }
        made.append(deb)
    return made


def component_rpms(one: Component, licence: bytes = LICENCE) -> list[Rpm]:
    """Return the runtime and the development rpm; ``licence`` is left out where it is empty."""
    names = [f"{one.stem}-{one.dashed}", f"{one.stem}-devel-{one.dashed}"]
    contents = (runtime_files(one), development_files(one))
    made = [Rpm(name, one.version, "1", one.machine, dict(files)) for name, files in zip(names, contents, strict=True)]
    for rpm in made if licence else ():
        rpm.files[f"/usr/share/licenses/{rpm.name}/LICENSE"] = licence
    return made


def write_component_debs(one: Component, folder: Path) -> list[Path]:
    """Write both debs and return their paths."""
    return [write_deb(deb, folder) for deb in component_debs(one)]


def write_component_rpms(one: Component, folder: Path, licence: bytes = LICENCE) -> list[Path]:
    """Write both rpms and return their paths."""
    return [write_rpm(rpm, folder) for rpm in component_rpms(one, licence)]
