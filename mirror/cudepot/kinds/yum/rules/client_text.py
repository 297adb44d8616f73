"""What a dnf or yum client of the site gets: the repositories, and the locked versions. Pure.

Formats: dnf.conf(5) and yum.conf(5) of yum 3, which rhel7 has; dnf-versionlock(8), yum-versionlock(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

EXPIRE = "15m"
"""``metadata_expire``: a mirror nearby costs one small request, and what is published is there to be seen."""


@dataclass(frozen=True, slots=True)
class DnfClient:
    """One repository of the site as a client sees it.

    Attributes:
        upstream: its name, and its folder below ``yum/``.
        repo: id of the repository on the client.
        url: where the site has it, ending in a slash.
        keys: absolute paths of the key files on the client: the metadata's first, then the packages'.
        signed: whether the metadata are signed.
        checked: whether a key is known that packages are signed with.
        versions: package → its locked versions (EVR).
        old: whether it is for yum 3 (rhel7), which has no dnf.
        architectures: machines that its locked packages are for.
        suse: whether it is for zypper.
        priority: as dnf has it: a lower number goes before a higher one.
        members: what of it clients see, each ``NAME-EPOCH:VERSION-RELEASE.ARCHITECTURE``; empty for everything.
    """

    upstream: str
    repo: str
    url: str
    keys: tuple[str, ...]
    signed: bool
    checked: bool
    versions: Mapping[str, Sequence[str]]
    old: bool = False
    architectures: tuple[str, ...] = ()
    priority: int = 90  # before the usual 99: the site wins where another repository has the same version
    members: tuple[str, ...] = ()
    suse: bool = False


def repo_id(label: str, upstream: str) -> str:
    """Return the id of a repository; dnf takes letters, digits and ``-_.:``."""
    return re.sub(r"[^a-z0-9._-]", "-", f"{label}-{upstream}")


def is_old(upstream: str, url: str) -> bool:
    """Return whether a repository is for rhel7's yum."""
    return bool(re.search(r"(?:^|/)(?:rhel|centos)[67](?:/|$)", f"{url}/{upstream}"))


def is_suse(upstream: str, url: str) -> bool:
    """Return whether a repository is for SUSE's zypper."""
    return bool(re.search(r"(?:^|/)(?:sles|suse|opensuse|leap)[-0-9]", f"{url}/{upstream}"))


def tool(*, old: bool, suse: bool = False) -> str:
    """Return what installs rpms: RHEL 7 has no dnf, SUSE neither."""
    return "zypper" if suse else "yum" if old else "dnf"


def repositories_file(label: str, *, suse: bool) -> str:
    """Return where the ``.repo`` file goes on the client."""
    return f"etc/{'zypp/repos.d' if suse else 'yum.repos.d'}/{label}.repo"


def repositories(clients: Iterable[DnfClient]) -> bytes:
    """Return the ``.repo`` file."""
    return "\n".join(_section(one) for one in clients).encode()


def _section(one: DnfClient) -> str:
    fields = {
        "name": f"{one.upstream} from {one.repo.partition('-')[0]}",
        "baseurl": one.url,
        "enabled": "1",
        "gpgcheck": str(int(one.checked)),
        "repo_gpgcheck": str(int(one.signed)),
        "gpgkey": "\n       ".join(f"file://{path}" for path in one.keys),
        "metadata_expire": EXPIRE,
        "skip_if_unavailable": "0",
    }
    if one.suse:
        return _zypper_section(one, fields)
    if not one.old:
        fields["priority"] = str(one.priority)
    fields["includepkgs"] = "\n       ".join(one.members)
    return f"[{one.repo}]\n" + "".join(f"{key}={value}\n" for key, value in fields.items() if value)


def _zypper_section(one: DnfClient, fields: Mapping[str, str]) -> str:
    """Return the section as libzypp reads it, which checks packages of signed metadata only when asked to."""
    names = ("name", "baseurl", "enabled", "gpgcheck", "repo_gpgcheck", "gpgkey")
    ours = {name: fields[name] for name in names}
    ours |= {"autorefresh": "1", "type": "rpm-md", "pkg_gpgcheck": str(int(one.checked)), "priority": str(one.priority)}
    return f"[{one.repo}]\n" + "".join(f"{key}={value}\n" for key, value in ours.items() if value)


def locked_versions(clients: Iterable[DnfClient], *, old: bool) -> bytes:
    """Return entries for ``versionlock.list``: of these packages the locked versions and no others."""
    lines = []
    for one in clients:
        for name, versions in sorted(one.versions.items()):
            for evr in dict.fromkeys(versions):
                epoch, _, rest = evr.rpartition(":")
                epoch = epoch or "0"
                lines.append(f"{epoch}:{name}-{rest}.*" if old else f"{name}-{epoch}:{rest}.*")
    return "".join(f"{line}\n" for line in dict.fromkeys(lines)).encode()


def install_line(clients: Iterable[DnfClient], *, old: bool, suse: bool = False) -> str:
    """Return the command that installs exactly the locked packages; of a whole mirror, any of them."""
    joiner = "=" if suse else "-"
    specs = [
        f"{name}{joiner}{versions[-1].rpartition(':')[2]}"
        for one in clients
        for name, versions in sorted(one.versions.items())
        if "*" not in versions[-1]
    ]
    return " ".join([tool(old=old, suse=suse), "install", *(specs or ["PACKAGE"])])
