"""Stacks: what comes with cudepot is well-formed, and comes to packages as each distribution names them."""

from __future__ import annotations

import re
import tomllib

import pytest

from cudepot.catalog.config.presets import Presets
from cudepot.catalog.stacks.chosen import Chosen, StackWishes, check, choose, target
from cudepot.catalog.stacks.stacks import Stacks, parse_stacks
from cudepot.depot.shipped import load_presets, load_stacks
from cudepot.errors import ConfigError

CUDAS = ("12.6", "12.8", "13.0")
ALL = {"cuda": "12.6", "driver": "570", "kernels": ("5.15.0-130-generic",)}


@pytest.fixture(scope="module")
def stacks() -> Stacks:
    return load_stacks()


@pytest.fixture(scope="module")
def presets() -> Presets:
    return load_presets()


def chosen(stack: str, distribution: str, **said: object) -> Chosen:
    wishes = StackWishes((stack,), (distribution,), **said)  # type: ignore[arg-type]
    check(wishes, load_stacks(), CUDAS)
    return choose(wishes, target(distribution, load_presets()), load_stacks(), load_presets())


def packages(stack: str, distribution: str, **said: object) -> list[str]:
    return [one for names in chosen(stack, distribution, **said).packages.values() for one in names]


@pytest.mark.parametrize(
    "distribution", ["ubuntu2204", "ubuntu2404/arm64", "debian12", "rocky9", "alma8", "rhel9/sbsa"]
)
def test_every_stack_is_whole_wherever_it_is_for(stacks: Stacks, distribution: str) -> None:
    lacking = {"doca-ofed"} if not distribution.startswith("ubuntu") else set[str]()
    lacking |= {"driver-precompiled", "gpu-node-precompiled"} if distribution.startswith("debian") else set()
    for name in stacks.by_name:
        if name in lacking:
            with pytest.raises(ConfigError, match="has nothing for"):
                chosen(name, distribution, **ALL)
            continue
        found = chosen(name, distribution, **ALL)
        assert found.packages
        assert not [one for one in (*packages(name, distribution, **ALL), *found.presets) if "{" in one or "}" in one]


@pytest.mark.parametrize(
    ("stack", "distribution", "said", "names"),
    [
        ("driver-dkms", "ubuntu2204", {"driver": "570"}, ["nvidia-open-570", "dkms"]),
        ("driver-dkms", "debian12", {"driver": "590"}, ["nvidia-open=590.*", "dkms"]),
        ("driver-dkms", "ubuntu2404", {}, ["nvidia-open", "dkms"]),
        (
            "driver-dkms",
            "rocky10",
            {"driver": "570"},
            ["nvidia-driver-cuda-570.*", "kmod-nvidia-open-dkms-570.*", "dkms"],
        ),
        ("driver-dkms", "rocky9", {"driver": "570"}, ["@nvidia-driver:570-open/default", "dkms"]),
        ("driver-dkms-proprietary", "rhel8", {}, ["@nvidia-driver:latest-dkms/default", "dkms"]),
        (
            "driver-precompiled",
            "alma9",
            {"driver": "570", "kernels": ("5.14.0-503.14.1.el9_5",)},
            ["@nvidia-driver:570/default", "kmod-nvidia-570.*-5.14.0-503.14.1"],
        ),
        ("fabric-manager", "ubuntu2204", {"driver": "570"}, ["nvidia-fabricmanager-570"]),
        ("fabric-manager", "ubuntu2204", {"driver": "580"}, ["nvidia-fabricmanager=580.*"]),
        ("fabric-manager", "rhel9", {"driver": "570"}, ["nvidia-fabric-manager-570.*"]),
        ("cuda-toolkit", "ubuntu2204", {"cuda": "12.6"}, ["cuda-toolkit-12-6"]),
        ("cudnn", "rhel8", {"cuda": "12.6"}, ["libcudnn9-cuda-12", "libcudnn9-devel-cuda-12"]),
        ("nccl", "debian12", {"cuda": "12.6"}, ["libnccl2=*+cuda12.6", "libnccl-dev=*+cuda12.6"]),
        ("dcgm", "alma9", {"cuda": "13.0"}, ["datacenter-gpu-manager-4-cuda13"]),
        ("dcgm", "alma9", {}, ["datacenter-gpu-manager-4-cuda-all"]),
        ("kernel", "debian12/arm64", {}, ["linux-headers-arm64", "linux-image-arm64"]),
        (
            "gpu-operator",
            "rhel9",
            {"kernels": ("5.14.0-503.14.1.el9_5.x86_64",)},
            [
                "kernel-core-5.14.0-503.14.1.el9_5",
                "kernel-modules-5.14.0-503.14.1.el9_5",
                "kernel-devel-5.14.0-503.14.1.el9_5",
                "kernel-headers-5.14.0-503.14.1.el9_5",
                "gcc",
                "elfutils-libelf",
                "elfutils-libelf-devel",
            ],
        ),
        (
            "driver-precompiled",
            "ubuntu2204",
            {"driver": "570", "kernels": ("5.15.0-130-generic", "5.15.0-131-generic")},
            [
                "linux-modules-nvidia-570-server-open-5.15.0-130-generic",
                "linux-modules-nvidia-570-server-open-5.15.0-131-generic",
                "nvidia-headless-no-dkms-570-server-open",
                "nvidia-utils-570-server",
            ],
        ),
    ],
)
def test_packages_are_called_as_the_distribution_calls_them(
    stack: str, distribution: str, said: dict[str, object], names: list[str]
) -> None:
    assert packages(stack, distribution, **said) == names


def test_upstreams_are_nvidias_and_the_distributions_of_that_machine() -> None:
    assert chosen("gpu-node", "ubuntu2204").presets == (
        "nvidia/ubuntu2204/x86_64",
        "nvidia/container-toolkit/deb/amd64",
        "ubuntu/jammy",
        "ubuntu/jammy-updates",
        "ubuntu/jammy-security",
    )
    assert chosen("doca-ofed", "ubuntu2404/sbsa").presets == (
        "nvidia/doca/ubuntu24.04/arm64-sbsa",
        "ubuntu/noble-ports",
        "ubuntu/noble-updates-ports",
        "ubuntu/noble-security-ports",
    )
    assert chosen("driver-dkms", "rocky9/aarch64").presets == (
        "nvidia/rhel9/sbsa",
        "epel/9/aarch64",
        "rocky/9/baseos/aarch64",
        "rocky/9/appstream/aarch64",
        "rocky/9/crb/aarch64",
    )


@pytest.mark.parametrize(
    ("wishes", "error", "hint"),
    [
        (StackWishes(("gpu-nod",), ("ubuntu2204",)), "there is no stack 'gpu-nod'", "did you mean gpu-node"),
        (StackWishes(("gpu-node",), ()), "no distribution was given", "ubuntu2204"),
        (StackWishes(("ai-dev",), ("ubuntu2204",)), "stack 'cuda-toolkit' (a part of ai-dev) needs --cuda", "12.6"),
        (StackWishes(("driver-precompiled",), ("x",)), "needs --driver and --kernel", "--kernel"),
        (StackWishes(("cudnn",), ("x",), "12.7"), "there is no CUDA '12.7'", "12.6, 12.8"),
        (StackWishes(("cudnn",), ("x",), "twelve"), "there is no CUDA 'twelve'", "12.6"),
        (StackWishes(("dcgm",), ("x",), "", "571"), "no driver branch '571'", "570"),
        (StackWishes(("dcgm",), ("x",), "", "570.86"), "no driver branch '570.86'", "first number"),
        (StackWishes(("dcgm",), ("x",), "13.0", "570"), "CUDA 13.0 does not run with driver branch 570", "580"),
        (StackWishes(("kernel",), ("x",), "", "", ("newest",)), "'newest' is not a kernel", "uname -r"),
    ],
)
def test_slips_are_answered_with_what_was_meant(stacks: Stacks, wishes: StackWishes, error: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(error)) as caught:
        check(wishes, stacks, CUDAS)
    assert hint in caught.value.hint


def test_what_is_newer_than_this_cudepot_is_taken_with_a_word(stacks: Stacks) -> None:
    notes = check(StackWishes(("cudnn",), ("ubuntu2204",), "13.9", "610"), stacks, CUDAS)
    assert [note.split(" is newer")[0] for note in notes] == ["CUDA 13.9", "driver branch 610"]


def test_a_stack_for_another_distribution_says_for_which_it_is() -> None:
    with pytest.raises(ConfigError, match=r"has nothing for Debian 12") as caught:
        chosen("driver-precompiled", "debian12", **ALL)
    assert "ubuntu2204" in caught.value.hint
    with pytest.raises(ConfigError, match="there is no architecture 'ppc64'"):
        target("ubuntu2204/ppc64", load_presets())


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("version = 2", "have version 2"),
        ('version = 1\n[[stack]]\nname = "a"\ntitle = ""\nparts = ["a"]', "includes itself"),
        ('version = 1\n[[stack]]\nname = "a"\ntitle = ""\nparts = ["b"]', "there is no stack 'b'"),
        ('version = 1\n[[stack]]\nname = "a"\ntitle = ""\nneeds = ["cudnn"]', "asks for 'cudnn'"),
        ('version = 1\n[[stack]]\nname = "a"\ntitle = ""\n[[stack.row]]\nnames = ["x"]\ntype = "rpm"', "type"),
        ('version = 1\n[[stack]]\nname = "a"\ntitle = ""\n[[stack.row]]\nnames = ["x"]\nnaems = []', "naems"),
    ],
)
def test_malformed_stacks_are_refused(text: str, error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        parse_stacks([tomllib.loads(text)])


def test_drivers_have_a_row_whatever_the_branch(stacks: Stacks) -> None:
    for branch in stacks.drivers:
        for name in ("driver-dkms", "fabric-manager", "driver-dkms-proprietary"):
            assert packages(name, "ubuntu2204", driver=str(branch)), branch
