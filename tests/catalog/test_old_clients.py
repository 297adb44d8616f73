"""What Ubuntu 16.04 (apt 1.2) and RHEL 7 (yum 3) are told: a binary keyring, and yum's own words and folders."""

from __future__ import annotations

import pytest

from cudepot.catalog.site.holdings import Held, SiteFacts
from cudepot.digest import Digest
from cudepot.workflows.export.container_text import ansible, dockerfile_rhel, dockerfile_ubuntu
from cudepot.workflows.export.system_text import dnf_versionlock
from cudepot.workflows.publish.page_offers import offers

KEY, KEYRING = Digest("a" * 64, 1), Digest("b" * 64, 1)


def site(kind: str, repository: str, version: str) -> SiteFacts:
    path = f"{repository}/libcudnn8.{kind}"
    held = Held(kind, "libcudnn8", version, "x86_64", repository, path, Digest("0" * 64, 1))
    return SiteFacts("acme", "conda/main", 1, "2026-11-24T03:00:00Z", "A" * 40, KEY, KEYRING, (held,))


def rhel(number: int) -> SiteFacts:
    return site("rpm", f"yum/rhel{number}/x86_64", "8.0.5.39-1.cuda11.1")


@pytest.mark.parametrize(("number", "tool"), [(7, "yum"), (8, "dnf"), (9, "dnf")])
def test_the_page_names_what_that_rhel_has(number: int, tool: str) -> None:
    assert [one["tool"] for one in offers(rhel(number))] == [tool]


@pytest.mark.parametrize(("name", "tool"), [("rhel7", "yum"), ("rhel8", "dnf"), ("sles15", "zypper")])
def test_so_it_does_for_a_local_installer(name: str, tool: str) -> None:
    path = f"files/downloads/cudnn-local-repo-{name}-8.0.5.39-1.0-1.x86_64.rpm"
    held = Held(
        "installer", "cudnn-local-repo", "1.0", "x86_64", "files/downloads", path, Digest("0" * 64, 1),
        holds=("libcudnn8 8.0.5.39-1.cuda11.1",),
    )  # fmt: skip
    facts = SiteFacts("acme", "conda/main", 1, "2026-11-24T03:00:00Z", "A" * 40, KEY, KEYRING, (held,))
    assert [(one["type"], one["tool"]) for one in offers(facts)] == [(["rpm-local"], tool)]


def test_rhel_7_is_held_by_yums_plugin() -> None:
    text = dockerfile_rhel(rhel(7), "https://packages.example")
    assert "dnf" not in text
    assert "/etc/yum/pluginconf.d/versionlock.list" in text
    assert " && yum -y install libcudnn8-8.0.5.39-1.cuda11.1 " in text
    comment, entry = dnf_versionlock(rhel(7)).splitlines()
    assert comment.endswith("; yum install libcudnn8-8.0.5.39-1.cuda11.1")
    assert entry == "0:libcudnn8-8.0.5.39-1.cuda11.1.*", "yum's order of the parts, not dnf's"
    assert "libcudnn8-0:8.0.5.39-1.cuda11.1.*" in dnf_versionlock(rhel(8))


def test_debian_and_ubuntu_get_the_binary_keyring() -> None:
    facts = site("deb", "apt/ubuntu1604/x86_64", "8.0.5.39-1+cuda11.1")
    text = dockerfile_ubuntu(facts, "https://packages.example")
    key = "https://packages.example/keys/site.gpg /usr/share/keyrings/acme.gpg"
    assert f"ADD {key}\nRUN echo {KEYRING.sha256} " in text
    assert ".asc" not in text
    variables = ansible(facts, "https://packages.example")
    assert 'cudepot_keyring_url: "https://packages.example/keys/site.gpg"' in variables
    assert f'cudepot_keyring_sha256: "{KEYRING.sha256}"' in variables
