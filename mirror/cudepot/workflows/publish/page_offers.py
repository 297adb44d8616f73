"""What the site's page lets one choose: operating system, architecture, distribution, version, installer type."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import StrEnum
from itertools import groupby
from typing import Any

from cudepot.catalog.ecosystems import APT, YUM, HeldKind, Row, repositories, row_for
from cudepot.catalog.site.holdings import Held, SiteFacts, cuda_of, is_for_cuda
from cudepot.kinds.rules.client_choice import several
from cudepot.kinds.yum.rules.client_text import is_old, tool


class InstallerType(StrEnum):
    """In which way a package is installed, as the page lets one choose."""

    CONDA = "conda"
    PIP = "pip"
    DEB = "deb"
    RPM = "rpm"
    DEB_LOCAL = "deb-local"
    RPM_LOCAL = "rpm-local"
    TAR = "tar"
    ZIP = "zip"


NAMES: dict[str, str] = {
    InstallerType.CONDA: "conda", InstallerType.PIP: "pip (wheel)",
    InstallerType.DEB: "deb (network)", InstallerType.RPM: "rpm (network)",
    InstallerType.DEB_LOCAL: "deb (local)", InstallerType.RPM_LOCAL: "rpm (local)",
    InstallerType.TAR: "tar (archive)", InstallerType.ZIP: "zip (archive)",
    "any": "any", "x86_64": "x86_64", "aarch64": "aarch64 (SBSA)", "ppc64le": "ppc64le",
}  # fmt: skip
"""How values are shown; others are shown as they are."""
_PLATFORMS = {
    "linux-64": ("Linux", "x86_64"), "linux-aarch64": ("Linux", "aarch64"), "linux-ppc64le": ("Linux", "ppc64le"),
    "win-64": ("Windows", "x86_64"), "amd64": ("Linux", "x86_64"), "arm64": ("Linux", "aarch64"),
    "ppc64el": ("Linux", "ppc64le"), "x86_64": ("Linux", "x86_64"), "aarch64": ("Linux", "aarch64"),
    "ppc64le": ("Linux", "ppc64le"),
}  # fmt: skip
_DISTRO = re.compile(rf"(?:{'|'.join(row.room for row in repositories())})/(?P<name>[a-z-]+?)(?P<major>\d+)(?:/.*)?")
_MADE_FOR = re.compile(r"-(?P<name>[a-z]+)(?P<major>\d+)(?=-)")
"""Of an installer's name: ``…-ubuntu2004-…``."""
_NEEDED = re.compile(r"libcudnn\d+(-dev|-devel|-headers)?(-cuda-\d+)?")
"""Of what an installer brings: what is wanted to run and build programs."""
_SHOWN = {
    "ubuntu": "Ubuntu",
    "debian": "Debian",
    "rhel": "RHEL",
    "fedora": "Fedora",
    "sles": "SLES",
    "wsl-ubuntu": "WSL",
}
_RELEASE = re.compile(r"(?:\d+:)?(\d+(?:\.\d+){1,3})")


def offers(site: SiteFacts) -> list[dict[str, Any]]:
    """Return one offer for each way to install one cuDNN release on one platform.

    Each value that can be chosen is a list: a conda package goes with every distribution.
    """
    cudnn = [one for held in site.held for one in _inside(held) if "cudnn" in one.name and one.platform in _PLATFORMS]
    exact = {(_release(one), cuda) for one in cudnn if (cuda := cuda_of(one))}
    distros: dict[tuple[str, str], list[str]] = {}
    for one in cudnn:
        found = distros.setdefault(_PLATFORMS[one.platform], [])
        found += [name for name in _distros(one) if name not in found]
    made = [_offer(list(group), key, distros, exact) for key, group in groupby(sorted(cudnn, key=_key), key=_key)]
    _tell_several(made, site)
    return sorted(made, key=lambda one: (one["os"], one["arch"][::-1], one["distro"], one["version"], one["type"]))


def _tell_several(made: list[dict[str, Any]], site: SiteFacts) -> None:
    """Name in each offer of debs or rpms those that its repository has in other versions too: upgrades take these."""
    for repository in {one["repository"] for one in made if one["type"][0] in (InstallerType.DEB, InstallerType.RPM)}:
        rivals = several(one for one in site.held if one.repository == repository)
        for offer in (one for one in made if one["repository"] == repository):
            names = [name for name, versions in rivals.items() for one in versions if _is_spec(offer, name, one)]
            if names:
                offer["several"] = names


def _is_spec(offer: dict[str, Any], name: str, version: str) -> bool:
    return not {f"{name}={version}", f"{name}-{version.rpartition(':')[2]}"}.isdisjoint(offer["specs"])


def _inside(one: Held) -> list[Held]:
    """Return what can be installed with a package or file: of an installer the packages it brings."""
    if one.kind == HeldKind.FILE:
        return [one] if one.name == "cudnn" else []
    brought = [held.split(" ", 1) for held in one.holds]
    needed = [replace(one, name=name, version=version) for name, version in brought if _NEEDED.fullmatch(name)]
    return needed if one.kind == HeldKind.INSTALLER else [one]


def _key(one: Held) -> tuple[str, ...]:
    file = one.path if one.kind in (HeldKind.FILE, HeldKind.INSTALLER) else ""
    return one.kind, one.repository, *_PLATFORMS[one.platform], _release(one), cuda_of(one), file


def _offer(
    held: list[Held],
    key: tuple[str, ...],
    distros: dict[tuple[str, str], list[str]],
    exact: set[tuple[str, str]],
) -> dict[str, Any]:
    _, repository, system, arch, release, _, file = key
    versions = [
        f"cuDNN {release}" + (f" for CUDA {cuda}" if cuda else "")
        for cuda in _finest(sorted(one for name, one in exact if name == release and is_for_cuda(held[0], one)))
    ]
    own = list(_distros(held[0]))
    return (
        {
            "os": [system],
            "arch": [arch],
            "distro": own or ([*sorted(distros[system, arch]), "any other"] if distros[system, arch] else ["any"]),
            "version": versions or [f"cuDNN {release}"],
            "type": [_type(held[0])],
            "repository": repository,
            "specs": sorted({_spec(one) for one in _newest(held)}),
        }
        | (_file(held[0]) if file else {})
        | ({"tool": _tool(held[0])} if _type(held[0]) in (InstallerType.RPM, InstallerType.RPM_LOCAL) else {})
    )


def _tool(one: Held) -> str:
    """Return what installs an rpm there."""
    made_for = _MADE_FOR.search(one.path.rpartition("/")[2]) if one.kind == HeldKind.INSTALLER else None
    return tool(old=is_old(made_for[0].strip("-") if made_for else one.repository, ""))


def _file(one: Held) -> dict[str, Any]:
    """Return where a file is, what it hashes to, and how many folders of an archive lie above ``include``."""
    deep = one.path.endswith(".tgz") and one.platform == "linux-ppc64le"  # cuda/targets/ppc64le-linux/include
    return {"url": one.url("."), "sha256": one.digest.sha256, "strip": 3 if deep else 1}


def _type(one: Held) -> str:
    """Return the installer type, or what a row that was registered calls it."""
    if one.kind == HeldKind.FILE:
        return InstallerType.ZIP if one.path.endswith(".zip") else InstallerType.TAR
    if one.kind == HeldKind.INSTALLER:
        return InstallerType.RPM_LOCAL if _row(one) is YUM else InstallerType.DEB_LOCAL
    return _row(one).tool


def _row(one: Held) -> Row:
    """Return the ecosystem of a package, or of what an installer brings; that of its file tells."""
    return row_for(one.kind) if one.kind != HeldKind.INSTALLER else YUM if one.path.endswith(YUM.suffixes) else APT


def _finest(cudas: list[str]) -> list[str]:
    """Leave out ``11`` where there is an ``11.1``."""
    return [one for one in cudas if not any(other.startswith(f"{one}.") for other in cudas)]


def _newest(held: list[Held]) -> list[Held]:
    best = {(one.name, one.version): one for one in sorted(held, key=lambda one: (len(one.build), one.build))}
    return list(best.values())


def _spec(one: Held) -> str:
    if one.kind == HeldKind.FILE:
        return one.path.rpartition("/")[2]
    row = _row(one)
    version = one.version.rpartition(":")[2] if row is YUM else one.version
    return row.spec(one.name, version) + (f"={one.build}" if one.build else "")


def _release(one: Held) -> str:
    found = _RELEASE.match(one.version)
    return found[1] if found else one.version


def _distros(one: Held) -> list[str]:
    """Return the distribution a package or installer is for; none for what goes with every one."""
    installer = one.kind == HeldKind.INSTALLER
    place = one.path.rpartition("/")[2] if installer else one.repository
    found = _MADE_FOR.search(place) if installer else _DISTRO.fullmatch(place)
    if not found:
        return [one.repository.partition("/")[2]] if one.kind in (HeldKind.DEB, HeldKind.RPM) else []
    number = found["major"]
    if found["name"].endswith("ubuntu") and len(number) == 4:
        number = f"{number[:2]}.{number[2:]}"
    return [f"{_SHOWN.get(found['name'], found['name'])} {number}"]
