"""Names of stacks as package managers read them: they mean NVIDIA's packages, which are written so and no otherwise.

File names and versions are those of NVIDIA's repositories.
"""

from __future__ import annotations

import pytest

from cudepot.catalog.name_globs import fits
from cudepot.catalog.stacks.chosen import StackWishes, choose, target
from cudepot.depot.shipped import load_presets, load_stacks
from cudepot.formats.rpm_version import split_evr
from cudepot.kinds.yum.rules.pins import read_ways

SAID = {"cuda": "12.6", "driver": "570", "kernels": ("5.14.0-503.14.1.el9_5",)}
RPMS = {
    "nccl": [("libnccl", "2.24.3-1+cuda12.6"), ("libnccl-devel", "2.24.3-1+cuda12.6")],
    "tensorrt": [("tensorrt", "10.9.0.34-1.cuda12.8")],
    "cudnn": [("libcudnn9-cuda-12", "9.5.1.17-1"), ("libcudnn9-devel-cuda-12", "9.5.1.17-1")],
    "fabric-manager": [("nvidia-fabric-manager", "570.86.15-1")],
    "driver-precompiled": [("kmod-nvidia-570.86.15-5.14.0-503.14.1", "3:570.86.15-3.el9_5")],
    "kernel": [(f"kernel-{part}", "5.14.0-503.14.1.el9_5") for part in ("core", "modules", "devel", "headers")],
}
OTHERS = [
    ("libnccl", "2.26.2-1+cuda12.8"),
    ("tensorrt", "10.9.0.34-1.cuda11.8"),
    ("libcudnn9-cuda-11", "9.5.1.17-1"),
    ("nvidia-fabric-manager", "575.51.03-1"),
    ("kmod-nvidia-570.86.15-5.14.0-503.14.10", "3:570.86.15-3.el9_5"),
    ("kmod-nvidia-open-dkms", "3:570.86.15-1.el9"),
    ("kernel-core", "5.14.0-503.14.2.el9_5"),
]


def means(spec: str, name: str, evr: str) -> bool:
    _, version, release = split_evr(evr)
    return any(
        fits(name, way.name) and fits(version, way.version) and fits(release, way.release) and fits("x86_64", way.arch)
        for way in read_ways(spec, "", ("x86_64",))
    )


@pytest.mark.parametrize("stack", RPMS)
def test_each_spec_of_rpms_means_its_package_and_no_other(stack: str) -> None:
    wishes = StackWishes((stack,), ("rocky9",), **SAID)  # type: ignore[arg-type]
    presets = load_presets()
    named = choose(wishes, target("rocky9", presets), load_stacks(), presets).packages[stack]
    specs = [one for one in named if not one.startswith("@")]
    for spec, (name, evr) in zip(specs, RPMS[stack], strict=True):
        assert means(spec, name, evr), spec
        assert not [one for one in OTHERS if means(spec, *one)], spec
