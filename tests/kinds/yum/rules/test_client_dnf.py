"""What dnf and yum clients get, as text: sections, locked versions in both tools' spelling, rhel7 told apart."""

from __future__ import annotations

import configparser

import pytest

from cudepot.kinds.yum.rules.client_text import DnfClient, install_line, is_old, locked_versions, repo_id, repositories

CLIENT = DnfClient(
    "rhel8/x86_64", "acme-rhel8-x86_64", "https://packages.example/yum/rhel8/x86_64/", ("/k/site", "/k/nvidia"),
    True, True,
    {"libcudnn8": ["8.0.5.39-1.cuda11.1"], "nvidia-driver": ["3:455.45.01-1.el8", "3:460.32.03-1.el8"]},
)  # fmt: skip


def section(client: DnfClient) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(repositories([client]).decode())
    return parser[client.repo]


def test_metadata_and_packages_are_checked_by_both_keys() -> None:
    found = section(CLIENT)
    assert (found["gpgcheck"], found["repo_gpgcheck"]) == ("1", "1")
    assert found["gpgkey"].split() == ["file:///k/site", "file:///k/nvidia"]
    assert found["baseurl"] == CLIENT.url
    assert int(found["priority"]) < 99


def test_versions_are_locked_as_each_tool_spells_them() -> None:
    assert locked_versions([CLIENT], old=False).decode().splitlines() == [
        "libcudnn8-0:8.0.5.39-1.cuda11.1.*", "nvidia-driver-3:455.45.01-1.el8.*", "nvidia-driver-3:460.32.03-1.el8.*",
    ]  # fmt: skip
    assert locked_versions([CLIENT], old=True).decode().splitlines()[1] == "3:nvidia-driver-455.45.01-1.el8.*"


def test_yum_3_gets_no_option_it_does_not_know() -> None:
    old = DnfClient("rhel7/x86_64", "a-rhel7", "https://x/", ("/k",), True, True, {"x": ["1-1"]}, old=True)
    assert "priority" not in section(old)
    assert install_line([old], old=True) == "yum install x-1-1"


@pytest.mark.parametrize(
    ("name", "url", "old"),
    [
        ("rhel7/x86_64", "", True),
        ("x", "https://h/repos/rhel7/x86_64/", True),
        ("rhel8/x86_64", "https://h/rhel8/", False),
    ],
)
def test_rhel7_is_told_by_name_or_url(name: str, url: str, old: bool) -> None:
    assert is_old(name, url) is old


def test_the_id_of_a_repository_is_one_dnf_takes() -> None:
    assert repo_id("acme", "rhel8/x86_64") == "acme-rhel8-x86_64"
    assert repo_id("acme", "a+b") == "acme-a-b"
