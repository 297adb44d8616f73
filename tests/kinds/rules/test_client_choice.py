"""Which packages one machine could have in several versions, and for which CUDA each of them is."""

from __future__ import annotations

import pytest

from cudepot.catalog.site.holdings import Held, cuda_of
from cudepot.digest import Digest
from cudepot.errors import PinError
from cudepot.kinds.rules.client_choice import how, several, variants, within


def deb(name: str, version: str, machine: str = "amd64", kind: str = "deb") -> Held:
    return Held(kind, name, version, machine, "apt/u", f"apt/u/{name}", Digest.of(b""))


def test_versions_for_two_machines_are_no_rivals() -> None:
    assert several([deb("a", "1"), deb("a", "2", "arm64"), deb("b", "1"), deb("c", "2")]) == {}
    assert several([deb("a", "1"), deb("a", "1", "arm64")]) == {}


def test_versions_are_in_their_order_the_newest_last() -> None:
    assert several([deb("a", "10"), deb("a", "9"), deb("b", "1")]) == {"a": ["9", "10"]}
    assert several([deb("a", "1:1-1", kind="rpm"), deb("a", "9-1", kind="rpm")]) == {"a": ["9-1", "1:1-1"]}


@pytest.mark.parametrize("every", ["all", "noarch"])
def test_one_for_every_machine_is_for_each(every: str) -> None:
    assert several([deb("a", "1"), deb("a", "2", every)]) == {"a": ["1", "2"]}
    assert several([deb("a", "1", every), deb("a", "2", every)]) == {"a": ["1", "2"]}


def test_a_choice_by_cuda_is_offered_where_there_is_one() -> None:
    packages = [deb("libcudnn8", f"8-1+cuda{cuda}") for cuda in ("11.1", "9.2", "10.2")]
    rivals = several(packages)
    cudas = variants(rivals, packages)
    assert cudas == ["9.2", "10.2", "11.1"]
    assert how("libcudnn8", rivals["libcudnn8"], cudas) == "--cuda 9.2, or --only libcudnn8=8-1+cuda9.2"
    plain = [deb("tool", "1"), deb("tool", "2")]
    assert variants(several(plain), plain) == []
    assert how("tool", ["1", "2"], []) == "--only tool=1"


@pytest.mark.parametrize(
    ("name", "version", "cuda"),
    [
        ("cuda-toolkit-11-1", "11.1.1-1", "11.1"),
        ("libcudnn9-cuda-12", "9.1.0.70-1", "12"),
        ("libcudnn8", "8.0.5.39-1+cuda10.2", "10.2"),
        ("cuda-drivers-455", "455.45.01-1", ""),
    ],
)
def test_the_cuda_of_a_package(name: str, version: str, cuda: str) -> None:
    assert cuda_of(deb(name, version)) == cuda


FILES = [
    "apt/u/libcudnn8_8.0.5.39-1+cuda11.0_amd64.deb", "apt/u/libcudnn8_8.0.5.39-1+cuda10.2_amd64.deb",
    "apt/u/libnccl2_2.7.8-1+cuda11.1_amd64.deb", "apt/u/cuda-toolkit-11-1_11.1.1-1_amd64.deb", "apt/u/Packages.gz",
    "yum/u/libcudnn8-devel-8.0.5.39-1.cuda10.2.x86_64.rpm", "yum/u/repodata/repomd.xml", "apt/u/odd_.deb",
]  # fmt: skip


def test_a_whole_mirror_is_held_within_what_versions_say() -> None:
    assert within(FILES, "deb", "10.2") == {"libcudnn8": ["*+cuda10.2", "*+cuda10.2.*"]}
    assert set(within(FILES, "deb", "11")) == {"libcudnn8", "libnccl2"}
    assert within(FILES, "rpm", "10.2") == {"libcudnn8-devel": ["*-*.cuda10.2"]}
    with pytest.raises(PinError, match="none of it is for CUDA 12") as failed:
        within(FILES, "deb", "12")
    assert failed.value.hint == "it is for CUDA 10.2, 11.0, 11.1"
