"""Where a package of the site can be installed, as the page lets one choose: system, machine, distribution, tool."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cudepot.catalog.ecosystems import ArtifactKind, repositories
from cudepot.catalog.site.clients import ClientFiles
from cudepot.kinds.yum.rules.client_text import is_old, is_suse, tool

ANY = "any"
PLATFORMS = {
    "linux-64": ("Linux", "x86_64"), "linux-aarch64": ("Linux", "aarch64"), "linux-ppc64le": ("Linux", "ppc64le"),
    "win-64": ("Windows", "x86_64"), "amd64": ("Linux", "x86_64"), "arm64": ("Linux", "aarch64"),
    "ppc64el": ("Linux", "ppc64le"), "x86_64": ("Linux", "x86_64"), "aarch64": ("Linux", "aarch64"),
    "ppc64le": ("Linux", "ppc64le"), "sbsa": ("Linux", "aarch64"),
}  # fmt: skip
"""Platform, as any ecosystem calls it → system and machine."""
_NAMED = re.compile(r"(?P<name>[a-z]+(?:-[a-z]+)?)-?(?P<major>\d+)(?:[-/](?P<rest>.*))?")
_SHOWN = {
    "ubuntu": "Ubuntu", "debian": "Debian", "rhel": "RHEL", "fedora": "Fedora", "sles": "SLES", "wsl-ubuntu": "WSL",
    "opensuse": "openSUSE", "rocky": "Rocky Linux", "almalinux": "AlmaLinux", "amzn": "Amazon Linux",
}  # fmt: skip
_CODENAMES = {
    "focal": "Ubuntu 20.04", "jammy": "Ubuntu 22.04", "noble": "Ubuntu 24.04",
    "bullseye": "Debian 11", "bookworm": "Debian 12", "trixie": "Debian 13",
}  # fmt: skip
_ROOM = re.compile(rf"(?:{'|'.join(row.room for row in repositories())})/(.*)")


class Target(NamedTuple):
    """Where packages of a repository can be installed.

    Attributes:
        system, machine: ``Linux`` and ``x86_64``; ``any`` where it is for all.
        distribution: as people call it; empty for what goes with every one.
        client: folder of the client's files; empty where there are none.
        tool: what installs it there, where it is a system's package: ``apt-get``, ``dnf``, ``yum``, ``zypper``.
    """

    system: str
    machine: str
    distribution: str
    client: str = ""
    tool: str = ""


def platform(name: str) -> tuple[str, str]:
    """Return system and machine of a platform as any ecosystem calls it; ``any`` twice for one that is for all."""
    return PLATFORMS.get(name, (ANY, ANY))


def targets(artifact: str, repository: str, clients: Sequence[ClientFiles]) -> tuple[Target, ...]:
    """Return where the debs or rpms of a repository of the site can be installed: each distribution once."""
    ours = [one for one in clients if repository in one.repositories and not (one.environment or one.cuda)]
    found = tuple(_target(artifact, repository, one) for one in ours)
    return found or (_alone(artifact, repository),)


def _target(artifact: str, repository: str, client: ClientFiles) -> Target:
    name = client.folder.split("/")[1]
    found = _NAMED.fullmatch(name)
    own = _machine(repository.rpartition("/")[2])
    machine = own if own != ANY else _machine(found["rest"] or "" if found else "")
    return Target("Linux", machine, distribution(name), client.folder, installs(artifact, f"{repository} {name}"))


def _alone(artifact: str, repository: str) -> Target:
    """Return the target of a repository of which nothing says more than its name."""
    found = _ROOM.fullmatch(repository)
    name = found[1] if found else repository
    shown = distribution(name.replace("/", "-")) if _NAMED.match(name) else name
    return Target("Linux", _machine(name.rpartition("/")[2]), shown, "", installs(artifact, repository))


def _machine(name: str) -> str:
    return platform(name)[1]


def installs(artifact: str, name: str) -> str:
    """Return what installs such packages of a repository or installer of that name."""
    if artifact == ArtifactKind.DEB:
        return "apt-get"
    words = name.split()
    return tool(old=any(is_old(one, "") for one in words), suse=any(is_suse(one, "") for one in words))


def distribution(name: str) -> str:
    """Return what people call a distribution, ``ubuntu2204-x86_64`` for one.

    >>> distribution("ubuntu2204-x86_64"), distribution("rhel9-x86_64"), distribution("jammy")
    ('Ubuntu 22.04', 'RHEL 9', 'Ubuntu 22.04')
    """
    if name in _CODENAMES:
        return _CODENAMES[name]
    found = _NAMED.fullmatch(name)
    if not found:
        return name
    number = found["major"]
    if found["name"].endswith("ubuntu") and len(number) == 4:
        number = f"{number[:2]}.{number[2:]}"
    return f"{_SHOWN.get(found['name'], found['name'])} {number}"


def described(found: Iterable[Target]) -> Iterator[Mapping[str, str]]:
    """Give targets as the page's script reads them."""
    for one in found:
        values = {"os": one.system, "arch": one.machine, "distro": one.distribution}
        yield {**values, "client": one.client, "tool": one.tool}
