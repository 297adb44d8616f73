"""Pins for apt and dnf: preferences and versionlock entries, and the exact commands that install. Pure.

Formats: apt_preferences(5), dnf-versionlock(8); yum-versionlock(1) for RHEL 7, which has no dnf.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from cudepot.catalog.ecosystems import APT, YUM, HeldKind
from cudepot.catalog.site.holdings import Held, SiteFacts
from cudepot.errors import PinError
from cudepot.kinds.apt.rules import client_text as client_apt
from cudepot.kinds.apt.rules.client_text import AptClient
from cudepot.kinds.rules.client_choice import how, several, variants
from cudepot.kinds.yum.rules import client_text as client_dnf
from cudepot.kinds.yum.rules.client_text import DnfClient


def apt_preferences(site: SiteFacts) -> str:
    """Return preferences that hold exactly these versions; the first record explains how to install them."""
    held = _of(site, HeldKind.DEB)
    client = AptClient("", "", "", "", "yes", "", _versions(held), _many(held))
    text = client_apt.locked_versions([client]).decode()
    return f"Explanation: snapshot {site.number} of {site.label}; {apt_install(site)}\n{text}"


def apt_install(site: SiteFacts) -> str:
    """Return the command that installs exactly these versions."""
    return " ".join(["apt-get", "install", *(shlex.quote(one) for one in apt_specs(site))])


def apt_specs(site: SiteFacts) -> list[str]:
    """Return the packages as apt-get takes them; one version each, unless architectures differ in it."""
    return [APT.spec(name, versions[-1]) for name, versions in _versions(_of(site, HeldKind.DEB)).items()]


def dnf_versionlock(site: SiteFacts) -> str:
    """Return entries of ``versionlock.list``, the command that installs them above."""
    clients = [DnfClient("", "", "", (), signed=True, checked=True, versions=_versions(_of(site, HeldKind.RPM)))]
    text = client_dnf.locked_versions(clients, old=_is_old(site)).decode()
    return f"# snapshot {site.number} of {site.label}; {dnf_install(site)}\n{text}"


def dnf_install(site: SiteFacts) -> str:
    """Return the command that installs exactly these versions."""
    return " ".join([rpm_tool(site), "install", *(shlex.quote(one) for one in dnf_specs(site))])


def rpm_tool(site: SiteFacts) -> str:
    """Return what installs rpms there: ``yum`` on RHEL 7, else ``dnf``."""
    return client_dnf.tool(old=_is_old(site))


def versionlock_path(site: SiteFacts) -> str:
    """Return where the tool's plugin reads its list."""
    return "/etc/yum/pluginconf.d/versionlock.list" if _is_old(site) else "/etc/dnf/plugins/versionlock.list"


def _is_old(site: SiteFacts) -> bool:
    return any(client_dnf.is_old(one.repository, "") for one in _of(site, HeldKind.RPM))


def dnf_specs(site: SiteFacts) -> list[str]:
    """Return the packages as dnf takes them, without epoch."""
    found = _versions(_of(site, HeldKind.RPM))
    return [YUM.spec(name, versions[-1].rpartition(":")[2]) for name, versions in sorted(found.items())]


def _of(site: SiteFacts, kind: str) -> tuple[Held, ...]:
    held = site.of(kind)
    repositories = sorted({one.repository for one in held})
    if len(repositories) > 1:
        raise PinError(
            f"the site has several repositories of {kind}s: {', '.join(repositories)}",
            hint="choose one with --repository NAME",
        )
    rivals = several(held)
    for name, versions in rivals.items():
        raise PinError(
            f"several versions of {name}: {', '.join(versions)}",
            hint=f"choose one with {how(name, versions, variants(rivals, held))} (its dependencies are included)",
        )
    return held


def _versions(held: Iterable[Held]) -> dict[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for one in held:
        found.setdefault(one.name, []).append(one.version)
    return {name: list(dict.fromkeys(versions)) for name, versions in found.items()}


def _many(held: Iterable[Held]) -> bool:
    return len({one.platform for one in held} - {"all"}) > 1
