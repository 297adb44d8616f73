"""Packages for the contract of kinds, made once: one, another, and other bytes under the name of the first."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from simulator.conda_channel import CondaPackage, package_bytes
from simulator.cudnn import CudnnRelease, write_archive
from simulator.debs import simple_deb, write_deb
from simulator.installers import rpm_installer, write_installer
from simulator.keys import Key, KeyHome
from simulator.rpms import sign_rpms, simple_rpm, write_rpm
from simulator.wheels import write_companion

FIRST, SECOND, CHANGED = "first", "second", "changed"
"""What there is of every format; ``CHANGED`` has the name and the version of ``FIRST``."""

VERSIONS = {FIRST: "9.8.0.87", SECOND: "9.9.0.52"}
"""Of archives, which are told apart by them and not by name."""

RELEASES = {FIRST: CudnnRelease("7.6.5.32", "10.2"), SECOND: CudnnRelease("7.6.4.38", "10.1")}
"""Of archives that are repackaged: of the fewest libraries."""


class Shelf:
    """The packages, each in a folder of its own, and the key that signs what upstreams sign."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._files = folder, dict[tuple[str, str], Path]()
        self.keys = KeyHome()
        self._makers: dict[str, Callable[[str, Path], Path]] = {
            "deb": _deb, "rpm": self._rpm, "whl": _wheel, "tar.xz": _archive, "tgz": _release, "toy": _toy,
            "conda": _conda,
            "deb installer": self._deb_installer, "rpm installer": self._rpm_installer,
        }  # fmt: skip

    @cached_property
    def key(self) -> Key:
        """The upstreams' key."""
        return self.keys.generate("cudatools <cudatools@example.com>")

    @cached_property
    def key_file(self) -> Path:
        """The same as a file."""
        path = self._folder / "upstream.gpg"
        path.write_bytes(self.key.binary)
        return path

    def get(self, form: str, label: str) -> Path:
        """Return a package of a format; made when it is first asked for."""
        if (form, label) not in self._files:
            folder = self._folder / form.replace(" ", "-") / label
            folder.mkdir(parents=True)
            self._files[form, label] = self._makers[form](label, folder)
        return self._files[form, label]

    def _rpm(self, label: str, folder: Path) -> Path:
        tags = ["URL: https://example.com"] if label == CHANGED else []
        path = write_rpm(simple_rpm(_name(label), "1.0", "1", "x86_64", *tags), folder)
        sign_rpms([path], self.keys, self.key)
        return path

    def _deb_installer(self, label: str, folder: Path) -> Path:
        return write_installer(folder, self.keys, self.key, *self._held(label, "deb"))

    def _rpm_installer(self, label: str, folder: Path) -> Path:
        return write_rpm(rpm_installer(folder, self.keys, self.key, *self._held(label, "rpm")), folder)

    def _held(self, label: str, form: str) -> list[Path]:
        """Return what an installer holds; the second holds the first package as well."""
        return [self.get(form, one) for one in ([FIRST, SECOND] if label == SECOND else [label])]


def _name(label: str) -> str:
    return FIRST if label == CHANGED else label


def _deb(label: str, folder: Path) -> Path:
    more = {"Homepage": "https://example.com"} if label == CHANGED else {}
    return write_deb(simple_deb(_name(label), "1.0", **more), folder)


def _wheel(label: str, folder: Path) -> Path:
    return write_companion(folder, f"nvidia-{_name(label)}", "1.0", {"nvidia/x/data": label.encode()})


def _toy(label: str, folder: Path) -> Path:
    path = folder / f"{_name(label)}-1.0.toy"
    path.write_bytes(f"a toy: {label}\n".encode())
    return path


def _conda(label: str, folder: Path) -> Path:
    package = CondaPackage(_name(label), "1.0", files=(("share/label", label),))
    path = folder / f"{package.stem}.conda"
    path.write_bytes(package_bytes(package))
    return path


def _archive(label: str, folder: Path) -> Path:
    path = folder / f"cudnn-linux-x86_64-{VERSIONS[_name(label)]}_cuda12-archive.tar.xz"
    (folder / "LICENSE").write_text(label)
    with tarfile.open(path, "w:xz") as tar:
        tar.add(folder / "LICENSE", f"{path.name.removesuffix('.tar.xz')}/LICENSE")
    return path


def _release(label: str, folder: Path) -> Path:
    path = write_archive(RELEASES[_name(label)], folder)
    return _with_another_header(path) if label == CHANGED else path


def _with_another_header(path: Path) -> Path:
    """Write an archive anew: what is packed of it has the same names and other bytes."""
    with tarfile.open(path) as old:
        members = [
            (one, content.read() if (content := old.extractfile(one)) else b"") for one in old if not one.issym()
        ]
        links = [one for one in old if one.issym()]
    with tarfile.open(path, "w:gz") as new:
        for one, data in members:
            text = data + b"/* another */\n" * one.name.endswith("cudnn.h")
            one.size = len(text)
            new.addfile(one, io.BytesIO(text))
        for one in links:
            new.addfile(one)
    return path
