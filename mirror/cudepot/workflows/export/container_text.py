"""Pins for machines that are made from a text: Dockerfile fragments for Ubuntu and RHEL, variables for Ansible. Pure.

The site's key is held against its sha256 before anything trusts it; no Dockerfile frontend has to be fetched.
"""

from __future__ import annotations

import json
import shlex

from cudepot.catalog.ecosystems import HeldKind
from cudepot.catalog.site.holdings import SiteFacts
from cudepot.workflows.export.system_text import (
    apt_preferences,
    apt_specs,
    dnf_specs,
    dnf_versionlock,
    rpm_tool,
    versionlock_path,
)


def dockerfile_ubuntu(site: SiteFacts, url: str) -> str:
    """Return lines for a Dockerfile of Debian or Ubuntu: key, source, preferences, packages."""
    repository = next((one.repository for one in site.of(HeldKind.DEB)), "")
    key = f"/usr/share/keyrings/{site.label}.gpg"  # binary: apt takes text since 1.4 only
    source = f"Types: deb\nURIs: {url}/{repository}/\nSuites: /\nSigned-By: {key}\n"
    return _lines(
        f"# snapshot {site.number} of {site.label}",
        f"ADD {url}/keys/site.gpg {key}",
        f"RUN echo {site.keyring.sha256} {key} | sha256sum -c \\",
        f" && chmod 644 {key} \\",
        f" && {_written(source, f'/etc/apt/sources.list.d/{site.label}.sources')} \\",
        f" && {_written(apt_preferences(site), f'/etc/apt/preferences.d/{site.label}-locked.pref')} \\",
        " && apt-get update \\",
        f" && apt-get install -y --no-install-recommends {_quoted(apt_specs(site))} \\",
        " && rm -rf /var/lib/apt/lists/*",
    )


def dockerfile_rhel(site: SiteFacts, url: str) -> str:
    """Return lines for a Dockerfile of RHEL and its kin: key, repository, versionlock, packages."""
    repository = next((one.repository for one in site.of(HeldKind.RPM)), "")
    key = f"/etc/pki/rpm-gpg/RPM-GPG-KEY-{site.label}"
    section = f"[{site.label}]\nname={site.label}\nbaseurl={url}/{repository}/\nenabled=1\n"
    section += f"repo_gpgcheck=1\ngpgcheck=0\ngpgkey=file://{key}\n"
    tool, lock = rpm_tool(site), versionlock_path(site)
    return _lines(
        f"# snapshot {site.number} of {site.label}: the signed index vouches for each package by hash",
        f"ADD {url}/keys/site.asc {key}",
        f"RUN echo {site.key.sha256} {key} | sha256sum -c \\",
        f" && chmod 644 {key} \\",
        f" && {_written(section, f'/etc/yum.repos.d/{site.label}.repo')} \\",
        f" && mkdir -p {lock.rpartition('/')[0]} \\",
        f" && {_written(dnf_versionlock(site), lock)} \\",
        f" && {tool} -y install {_quoted(dnf_specs(site))} \\",
        f" && {tool} clean all",
    )


def ansible(site: SiteFacts, url: str) -> str:
    """Return a file of variables: the site, and packages as the modules ``apt``, ``dnf`` and ``pip`` take them."""
    wheels = sorted({f"{one.name}=={one.version}" for one in site.of(HeldKind.WHEEL)})
    conda = sorted({f"{one.name}={one.version}={one.build}" for one in site.of(HeldKind.CONDA)})
    variables: dict[str, object] = {
        "cudepot_url": url,
        "cudepot_snapshot": site.number,
        "cudepot_signer": site.signer,
        "cudepot_key_url": f"{url}/keys/site.asc",
        "cudepot_key_sha256": site.key.sha256,
        "cudepot_keyring_url": f"{url}/keys/site.gpg",
        "cudepot_keyring_sha256": site.keyring.sha256,
        "cudepot_apt_repositories": sorted({f"{url}/{one.repository}/" for one in site.of(HeldKind.DEB)}),
        "cudepot_apt_packages": apt_specs(site),
        "cudepot_yum_repositories": sorted({f"{url}/{one.repository}/" for one in site.of(HeldKind.RPM)}),
        "cudepot_dnf_packages": dnf_specs(site),
        "cudepot_pip_index_url": f"{url}/simple/" if wheels else "",
        "cudepot_pip_packages": wheels,
        "cudepot_conda_channel": f"{url}/{site.channel}" if conda else "",
        "cudepot_conda_packages": conda,
    }
    lines = [line for name, value in variables.items() for line in _yaml(name, value)]
    return _lines("---", f"# snapshot {site.number} of {site.label}", *lines)


def _yaml(name: str, value: object) -> list[str]:
    if isinstance(value, list) and value:
        return [f"{name}:", *(f"  - {json.dumps(one)}" for one in value)]
    return [f"{name}: {json.dumps(value)}"]


def _written(text: str, path: str) -> str:
    """Return a shell command that writes a text; the words survive shell and Dockerfile."""
    return f"printf '%s\\n' {_quoted(text.rstrip().split(chr(10)))} > {path}"


def _quoted(words: list[str]) -> str:
    return " ".join(shlex.quote(one) for one in words)


def _lines(*lines: str) -> str:
    return "\n".join([*lines, ""])
