"""What zypper gets: its own folder and keys of a repository file, and its own way to name a version."""

from __future__ import annotations

import pytest

from cudepot.kinds.yum.rules import client_text
from cudepot.kinds.yum.rules.client_text import DnfClient

CLIENT = DnfClient(
    "sles15/x86_64", "acme-sles15-x86_64", "https://packages.example/yum/sles15/x86_64/",
    ("/etc/pki/rpm-gpg/RPM-GPG-KEY-acme",), signed=True, checked=True, versions={"libcudnn8": ("8.0.5.39-1.cuda11.1",)},
    suse=True,
)  # fmt: skip


def test_zypper_is_asked_to_check_packages_as_well() -> None:
    lines = client_text.repositories([CLIENT]).decode().splitlines()
    assert {"gpgcheck=1", "repo_gpgcheck=1", "pkg_gpgcheck=1", "type=rpm-md", "autorefresh=1"} <= set(lines)
    assert not any(line.startswith(("skip_if_unavailable", "metadata_expire")) for line in lines), "dnf's own"
    assert client_text.repositories_file("acme", suse=True) == "etc/zypp/repos.d/acme.repo"
    assert client_text.install_line([CLIENT], old=False, suse=True) == "zypper install libcudnn8=8.0.5.39-1.cuda11.1"


@pytest.mark.parametrize(
    ("upstream", "suse"), [("sles15/x86_64", True), ("opensuse15/x86_64", True), ("rhel9/x86_64", False)]
)
def test_suse_is_known_by_the_name(upstream: str, *, suse: bool) -> None:
    assert client_text.is_suse(upstream, f"https://nvidia.example/repos/{upstream}/") == suse
