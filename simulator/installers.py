"""Writes local-repo installers as NVIDIA does: a deb or an rpm that carries a signed repository below ``/var``.

Laid out after a real ``nvidia-driver-local-repo-ubuntu2204-550.54.15_1.0-1_amd64.deb``: packages, both indexes, all
three roots, the key as text and as keyring, checksums with a signature, and an apt source that points to it all.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from simulator.apt import FlatRepo
from simulator.debs import Deb, simple_deb, write_deb
from simulator.keys import Key, KeyHome
from simulator.rpms import Rpm, sign_rpms
from simulator.yum import YumRepo


def write_installer(
    folder: Path, keys: KeyHome, key: Key, *debs: Path, version: str = "8.0.5.39", distro: str = "ubuntu2004"
) -> Path:
    """Write ``cudnn-local-repo-DISTRO-VERSION_1.0-1_amd64.deb`` with ``debs`` in it and return its path."""
    name = f"cudnn-local-repo-{distro}-{version}"
    repo = FlatRepo(folder / f"{name}.tree", keys, key)
    repo.add(*debs)
    repo.publish()
    return write_deb(installer(repo, name, keys), folder)


def installer(repo: FlatRepo, name: str, keys: KeyHome) -> Deb:
    """Return the deb that carries a published flat repository; tests may change it before it is written."""
    short, ring = repo.key.fingerprint[-8:], f"cudnn-local-{repo.key.fingerprint[-8:]}-keyring.gpg"
    files = {one.name: one.read_bytes() for one in sorted(repo.folder.iterdir()) if one.name != repo.pub_name}
    sums = "".join(f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  {one}\n" for one, data in files.items())
    files |= {f"{short}.pub": repo.key.armored, ring: repo.key.binary}
    files |= {"Local.md5": sums.encode(), "Local.md5.gpg": keys.detach(sums.encode(), repo.key)}
    source = f"deb [signed-by=/usr/share/keyrings/{ring}] file:///var/{name} /\n"
    deb = simple_deb(name, "1.0-1", Description=f"{name} repository configuration files")
    deb.files |= {f"/var/{name}/{one}": data for one, data in sorted(files.items())}
    deb.files[f"/etc/apt/sources.list.d/{name}.list"] = source.encode()
    return deb


def rpm_installer(
    folder: Path, keys: KeyHome, key: Key, *rpms: Path, version: str = "8.6.0.163", distro: str = "rhel8"
) -> Rpm:
    """Return ``cudnn-local-repo-DISTRO-VERSION-1.0-1.x86_64.rpm`` with ``rpms``, signed anew by ``key``, in it."""
    name = f"cudnn-local-repo-{distro}-{version}"
    repo = YumRepo(folder / f"{name}.tree", keys, key)
    repo.old = 0
    repo.add(*rpms)
    sign_rpms([repo.folder / one.name for one in rpms], keys, key)
    repo.publish()
    there = sorted(one for one in repo.folder.rglob("*") if one.is_file())
    files: dict[str, bytes | str] = {
        f"/var/{name}/{one.relative_to(repo.folder).as_posix()}": one.read_bytes() for one in there
    }
    source = f"[{name}]\nname={name}\nbaseurl=file:///var/{name}\nenabled=1\ngpgcheck=1\n"
    source += f"gpgkey=file:///var/{name}/{repo.pub_name}\n"
    return Rpm(name, "1.0", "1", "x86_64", files | {f"/etc/yum.repos.d/{name}.repo": source.encode()}, [], "gz")
