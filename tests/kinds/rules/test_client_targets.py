"""Which upstreams belong on one client."""

from __future__ import annotations

import pytest

from cudepot.kinds.rules.client_targets import targets

NVIDIA = "https://developer.download.nvidia.com/compute/cuda/repos/"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["rhel8/x86_64"], {"rhel8-x86_64": ["rhel8/x86_64"]}),
        (["rhel8/x86_64", "rhel9/x86_64"], {"rhel8-x86_64": ["rhel8/x86_64"], "rhel9-x86_64": ["rhel9/x86_64"]}),
        (["rhel8/x86_64", "rhel8/sbsa"], {"rhel8-x86_64": ["rhel8/x86_64"], "rhel8-sbsa": ["rhel8/sbsa"]}),
        (["rhel8/x86_64", "toolkit"], {"rhel8-x86_64": ["rhel8/x86_64", "toolkit"]}),
        (["toolkit", "ubuntu2204/x86_64", "ubuntu2404/x86_64"],
         {"ubuntu2204-x86_64": ["toolkit", "ubuntu2204/x86_64"],
          "ubuntu2404-x86_64": ["toolkit", "ubuntu2404/x86_64"]}),
        (["rhel8/x86_64", "epel/el8", "epel/rhel8"],
         {"rhel8-x86_64": ["rhel8/x86_64", "epel/rhel8"], "el8": ["epel/el8"]}),
        (["toolkit", "tools"], {"toolkit+tools": ["toolkit", "tools"]}),
        (["wsl-ubuntu/x86_64"], {"wsl-ubuntu-x86_64": ["wsl-ubuntu/x86_64"]}),
        (["fedora43/x86_64"], {"fedora43-x86_64": ["fedora43/x86_64"]}),
    ],
)  # fmt: skip
def test_upstreams_are_grouped_by_distribution(names: list[str], expected: dict[str, list[str]]) -> None:
    assert targets(dict.fromkeys(names, "")) == expected


def test_the_url_tells_a_distribution_that_the_name_does_not() -> None:
    urls = {"old": f"{NVIDIA}rhel8/x86_64/", "new": f"{NVIDIA}rhel9/x86_64/"}
    assert targets(urls) == {"rhel8-x86_64": ["old"], "rhel9-x86_64": ["new"]}
