"""What the site's page lets one choose: version, operating system, architecture, distribution, installer type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from enum import StrEnum
from itertools import groupby
from typing import Any

from cudepot.catalog.ecosystems import APT, YUM, HeldKind, Row, row_for
from cudepot.catalog.nvidia.products import product_of, rank
from cudepot.catalog.site.clients import ClientFiles
from cudepot.catalog.site.holdings import Held, SiteFacts, cuda_of, is_for_cuda
from cudepot.kinds.rules.client_choice import several
from cudepot.workflows.publish.page_targets import ANY, Target, distribution, installs, platform, targets


class InstallerType(StrEnum):
    """In which way a package is installed, as the page lets one choose."""

    CONDA = "conda"
    MAMBA = "mamba"
    PIP = "pip"
    UV = "uv"
    DEB = "deb"
    RPM = "rpm"
    DEB_LOCAL = "deb-local"
    RPM_LOCAL = "rpm-local"
    TAR = "tar"
    ZIP = "zip"
    FILE = "file"


NAMES: dict[str, str] = {
    InstallerType.CONDA: "conda", InstallerType.MAMBA: "mamba", InstallerType.PIP: "pip", InstallerType.UV: "uv",
    InstallerType.DEB: "deb (network)", InstallerType.RPM: "rpm (network)",
    InstallerType.DEB_LOCAL: "deb (local)", InstallerType.RPM_LOCAL: "rpm (local)",
    InstallerType.TAR: "tar (archive)", InstallerType.ZIP: "zip (archive)", InstallerType.FILE: "file",
    ANY: "any", "x86_64": "x86_64", "aarch64": "aarch64 (SBSA)", "ppc64le": "ppc64le",
}  # fmt: skip
"""How values are shown; others are shown as they are."""
TYPES: dict[str, tuple[str, ...]] = {
    HeldKind.CONDA: (InstallerType.CONDA, InstallerType.MAMBA),
    HeldKind.WHEEL: (InstallerType.PIP, InstallerType.UV), HeldKind.SDIST: (InstallerType.PIP, InstallerType.UV),
    HeldKind.DEB: (InstallerType.DEB,), HeldKind.RPM: (InstallerType.RPM,),
    HeldKind.FILE: (InstallerType.FILE,), HeldKind.INSTALLER: (InstallerType.FILE,),
}  # fmt: skip
"""In which ways a package in the list of what the site holds can be installed."""
_SYSTEM = (HeldKind.DEB, HeldKind.RPM)
_MADE_FOR = re.compile(r"-(?P<name>[a-z]+\d+)(?=-)")
"""Of an installer's name: ``…-ubuntu2004-…``."""
_NEEDED = re.compile(r"libcudnn\d+(-dev|-devel|-headers)?(-cuda-\d+)?")
"""Of what an installer brings: what is wanted to run and build programs."""
_RELEASE = re.compile(r"(?:\d+:)?(\d+(?:\.\d+){1,3})")
_WITH_CUDA = "CUDA Toolkit"
"""Its version says for which CUDA it is."""
_OTHERS = 40
"""Packages beyond NVIDIA's products that are shown before anybody searches."""
_Distributions = Mapping[tuple[str, str], Sequence[str]]


def offers(
    site: SiteFacts, clients: Sequence[ClientFiles] = (), pinned: Set[str] = frozenset()
) -> list[dict[str, Any]]:
    """Return one offer for each way to install one release of a product on one platform, the newest release first.

    Each value that can be chosen is a list: a conda package goes with every distribution.

    Args:
        site: what there is.
        clients: files for its clients.
        pinned: paths of packages that somebody asked for: they are shown beside NVIDIA's products.
    """
    wanted = _wanted(site, pinned)
    exact = {(_product(one), _release(one), cuda) for one in wanted if (cuda := _cuda(one))}
    placed = [(one, target) for one in wanted for target in _targets(one, clients)]
    distributions: dict[tuple[str, str], list[str]] = {}
    for _, one in placed:
        found = distributions.setdefault((one.system, one.machine), [])
        found += [one.distribution] if one.distribution and one.distribution not in found else []
    groups = groupby(sorted(placed, key=_key), key=_key)
    made = [_offer([one for one, _ in group], key, distributions, exact) for key, group in groups]
    _tell_several(made, site)
    made.sort(key=lambda one: (one["os"], one["arch"][::-1], one["distro"], one["type"]))
    made.sort(key=lambda one: _newness(one["version"][0]), reverse=True)
    return sorted(made, key=lambda one: (rank(one["product"]), one["product"].lower()))


def _wanted(site: SiteFacts, pinned: Set[str]) -> list[Held]:
    every = [one for held in site.held for one in _inside(held)]
    known = [one for one in every if product_of(one.name)]
    others = [one for one in every if one.path in pinned and not product_of(one.name) and one.kind != HeldKind.FILE]
    return known + (others if len({one.name for one in others}) <= _OTHERS else [])


def _newness(version: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", version)]


def _tell_several(made: list[dict[str, Any]], site: SiteFacts) -> None:
    """Name in each offer of debs or rpms those that its repository has in other versions too: upgrades take these."""
    for repository in {one["repository"] for one in made if one["type"][0] in (InstallerType.DEB, InstallerType.RPM)}:
        rivals = several(one for one in site.held if one.repository == repository)
        for offer in (one for one in made if one["repository"] == repository):
            names = [name for name, versions in rivals.items() for one in versions if _is_spec(offer, name, one)]
            if names:
                offer["several"] = names


def _is_spec(offer: dict[str, Any], name: str, version: str) -> bool:
    short = version.rpartition(":")[2]
    return not {f"{name}={version}", f"{name}={short}", f"{name}-{short}"}.isdisjoint(offer["specs"])


def _inside(one: Held) -> list[Held]:
    """Return what can be installed with a package or file: of an installer the packages it brings."""
    if one.kind == HeldKind.FILE:
        return [one] if one.name == "cudnn" else []
    brought = [held.split(" ", 1) for held in one.holds]
    needed = [replace(one, name=name, version=version) for name, version in brought if _NEEDED.fullmatch(name)]
    return needed if one.kind == HeldKind.INSTALLER else [one]


def _targets(one: Held, clients: Sequence[ClientFiles]) -> Iterator[Target]:
    """Give where a package can be installed; one for any platform wherever there is one of the product."""
    system, machine = platform(one.platform)
    if one.kind in _SYSTEM:
        for found in targets(one.kind, one.repository, clients):
            yield found if machine == ANY else found._replace(machine=machine)
    elif one.kind == HeldKind.INSTALLER:
        made_for = _MADE_FOR.search(one.path.rpartition("/")[2])
        name = made_for["name"] if made_for else ""
        yield Target(system, machine, distribution(name) if name else "", "", installs(_row(one).artifact, name))
    else:
        yield Target(system, machine, "")


def _key(placed: tuple[Held, Target]) -> tuple[str, ...]:
    one, target = placed
    file = one.path if one.kind in (HeldKind.FILE, HeldKind.INSTALLER) else ""
    return _product(one), one.kind, one.repository, _release(one), _cuda(one), file, *target


def _offer(
    held: list[Held], key: tuple[str, ...], distributions: _Distributions, exact: Set[tuple[str, str, str]]
) -> dict[str, Any]:
    product, _, repository, release, _, file, *rest = key
    target = Target(*rest)
    cudas = _finest(
        sorted(cuda for one, name, cuda in exact if (one, name) == (product, release) and _fits(held, cuda))
    )
    versions = [f"{product} {release} for CUDA {cuda}" for cuda in cudas]
    others = distributions.get((target.system, target.machine), ())
    any_other = [*sorted(others), "any other"] if others else [ANY]
    offer = {
        "product": product,
        "os": [target.system],
        "arch": [target.machine],
        "distro": [target.distribution] if target.distribution else any_other,
        "version": versions or [f"{product} {release}"],
        "type": _types(held[0]),
        "repository": repository,
        "specs": sorted({_spec(one, target.tool) for one in _newest(held)}),
    }
    more = {"client": target.client, "tool": target.tool}
    return offer | {name: one for name, one in more.items() if one} | (_file(held[0]) if file else {})


def _fits(held: Sequence[Held], cuda: str) -> bool:
    return is_for_cuda(held[0], cuda)


def _product(one: Held) -> str:
    return product_of(one.name) or one.name


def _cuda(one: Held) -> str:
    """Return the CUDA that is told beside a release; empty where the release says it, or nothing does."""
    product = product_of(one.name)
    return cuda_of(one) if product and product != _WITH_CUDA else ""


def _file(one: Held) -> dict[str, Any]:
    """Return where a file is, what it hashes to, and how many folders of an archive lie above ``include``."""
    deep = one.path.endswith(".tgz") and one.platform == "linux-ppc64le"  # cuda/targets/ppc64le-linux/include
    return {"url": one.url("."), "sha256": one.digest.sha256, "strip": 3 if deep else 1}


def _types(one: Held) -> list[str]:
    """Return the ways to install it, or what a row that was registered calls its own."""
    if one.kind == HeldKind.FILE:
        return [InstallerType.ZIP if one.path.endswith(".zip") else InstallerType.TAR]
    if one.kind == HeldKind.INSTALLER:
        return [InstallerType.RPM_LOCAL if _row(one) is YUM else InstallerType.DEB_LOCAL]
    return list(TYPES.get(one.kind, (_row(one).tool,)))


def _row(one: Held) -> Row:
    """Return the ecosystem of a package, or of what an installer brings; that of its file tells."""
    if one.kind == HeldKind.SDIST:
        return row_for(HeldKind.WHEEL)
    return row_for(one.kind) if one.kind != HeldKind.INSTALLER else YUM if one.path.endswith(YUM.suffixes) else APT


def _finest(cudas: list[str]) -> list[str]:
    """Leave out ``11`` where there is an ``11.1``."""
    return [one for one in cudas if not any(other.startswith(f"{one}.") for other in cudas)]


def _newest(held: Iterable[Held]) -> list[Held]:
    best = {(one.name, one.version): one for one in sorted(held, key=lambda one: (len(one.build), one.build))}
    return list(best.values())


def _spec(one: Held, tool: str) -> str:
    if one.kind == HeldKind.FILE:
        return one.path.rpartition("/")[2]
    row = _row(one)
    version = one.version.rpartition(":")[2] if row is YUM else one.version
    if tool == "zypper":
        return f"{one.name}={version}"
    return row.spec(one.name, version) + (f"={one.build}" if one.build else "")


def _release(one: Held) -> str:
    """Return the number people know a release by; of a package that is no product of NVIDIA's all of its version."""
    found = _RELEASE.match(one.version) if product_of(one.name) else None
    return found[1] if found else one.version
