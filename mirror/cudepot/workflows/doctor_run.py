"""``cudepot doctor --run``: the installed cuDNN computes on the GPU, and the results are compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cudepot.catalog.installed_places import LIBRARY_FOLDERS, MAJORS, PRELOADED
from cudepot.catalog.support_matrix import unfit
from cudepot.errors import GpuError, InstallationError
from cudepot.probe.child import Ended, check_on_gpu
from cudepot.probe.machine import Machine

_ABSENT = {"driver": "no usable NVIDIA driver", "gpu": "no GPU"}
_NO_CODE = "CUDNN_STATUS_ARCH_MISMATCH"


@dataclass(frozen=True, slots=True)
class Test:
    """One computation: how long it took, how far it was off.

    Attributes:
        shape: of its input: N, C, H, W.
        worst: largest deviation from plain Python, relative above 1; None when something was not a number.
    """

    name: str
    shape: tuple[int, ...]
    passed: bool
    ms: float
    gflops: float
    worst: float | None


@dataclass(frozen=True, slots=True)
class Run:
    """What was run on which GPU.

    Attributes:
        python: the interpreter that loaded the library; empty for our own.
        library: files of libcudnn the loader took; ``libraries`` all of CUDA and cuDNN.
        version: CUDNN_VERSION, ``cuda`` the CUDA runtime it was built with, ``driver_cuda`` the driver's.
        capability: compute capability.
        unfit: why the support matrix does not have this cuDNN on this GPU; empty when it has.
    """

    python: str
    library: tuple[str, ...]
    version: int
    cuda: int
    gpu: str
    capability: tuple[int, ...]
    driver_cuda: int
    tests: tuple[Test, ...]
    libraries: tuple[str, ...] = field(default=())
    unfit: str = ""

    @property
    def passed(self) -> bool:
        """Say whether all tests passed."""
        return bool(self.tests) and all(one.passed for one in self.tests)


def run_on_gpu(machine: Machine, prefix: str, seconds: int) -> Run:
    """Run the cuDNN of a prefix (empty: the one the loader takes) for some seconds at most.

    An environment's own Python does it where there is one, and what frameworks load before cuDNN is loaded before it.

    Raises:
        GpuError: no driver or no device here, or it fails on a GPU that this cuDNN is not made for.
        InstallationError: no cuDNN there, it cannot be loaded, or a call fails.
    """
    libraries = list(_cudnn(machine, prefix)) if prefix else [f"libcudnn.so.{one}" for one in MAJORS]
    if not libraries:
        raise InstallationError(f"{prefix}: no libcudnn.so.N below it", hint=f"looked in {', '.join(LIBRARY_FOLDERS)}")
    python = f"{prefix}/bin/python" if prefix and machine.exists(f"{prefix}/bin/python") else ""
    ended = check_on_gpu(python, list(_first_loaded(machine, prefix)) if prefix else [], libraries, seconds)
    said = json.loads(ended.said) if ended.said else {}
    if ended.fault:
        _cut_short(ended, said, libraries)
    _no_fault(said, libraries)
    return _run(said, python)


def _cudnn(machine: Machine, prefix: str) -> Iterator[str]:
    for major in MAJORS:
        for folder in LIBRARY_FOLDERS:
            yield from machine.matches(f"{prefix}/{folder}/libcudnn.so.{major}")


def _first_loaded(machine: Machine, prefix: str) -> Iterator[str]:
    """Give CUDA's libraries of the prefix by SONAME: names with one number after ``.so``, or two as in 11.0."""
    for stem in PRELOADED:
        found = [one for folder in LIBRARY_FOLDERS for one in machine.matches(f"{prefix}/{folder}/{stem}*")]
        short = [one for one in found if one.rsplit(".so.", 1)[-1].count(".") <= 1 and machine.exists(one)]
        yield from short[:1]


def _cut_short(ended: Ended, said: dict[str, Any], libraries: list[str]) -> None:
    loaded = ", ".join(said.get("library") or libraries)
    told = f"{loaded}: {ended.fault}" + (f", in {said['step']}" if said.get("step") else "")
    if not ended.late:
        raise InstallationError(told, hint="what the process said names it; see also `cudepot doctor`")
    if reason := _unfit(said):
        longer = "the driver translates its code first, once; give it an hour for that with --timeout 3600"
        raise GpuError(f"{told}; {reason}", hint=f"{longer}, or install a cuDNN made for this GPU")
    raise InstallationError(told, hint="look whether the GPU is busy with `nvidia-smi`, or give more with --timeout")


def _unfit(said: dict[str, Any]) -> str:
    if "capability" not in said:
        return ""
    major = 10000 if said["version"] >= 90000 else 1000
    version = (said["version"] // major, said["version"] % major // 100)
    cuda = f"{said['cuda'] // 1000}.{said['cuda'] % 1000 // 10}"
    reason = unfit(version, cuda, (said["capability"][0], said["capability"][1]))
    return f"{said['gpu']} has {reason}" if reason else ""


def _no_fault(said: dict[str, Any], libraries: list[str]) -> None:
    fault = said["fault"]
    if fault is None:
        return
    if fault["kind"] in _ABSENT:
        raise GpuError(
            f"{_ABSENT[fault['kind']]} on this machine: {fault['told']}",
            hint="nothing was computed; run it where `nvidia-smi` lists a GPU (in a container: with --gpus)",
        )
    done = "".join(f", after {one['name']} had ended" for one in said["tests"][-1:])
    loaded = ", ".join(said.get("library", ())) or ", ".join(libraries)
    reason = _unfit(said) if fault["kind"] == "call" else ""
    if reason or _NO_CODE in fault["told"]:
        told = f"{loaded}: {fault['told']}{done}; {reason or 'it has no code for ' + said['gpu']}"
        raise GpuError(told, hint="install a cuDNN that NVIDIA's support matrix has for this GPU")
    raise InstallationError(f"{loaded}: {fault['told']}{done}", hint="`cudepot doctor` says what does not fit")


def _run(said: dict[str, Any], python: str) -> Run:
    tests = tuple(
        Test(one["name"], tuple(one["shape"]), one["passed"], one["ms"], one["gflops"], one["worst"])
        for one in said["tests"]
    )
    named = (said["version"], said["cuda"], said["gpu"], tuple(said["capability"]), said["driver_cuda"])
    return Run(python, tuple(said["library"]), *named, tests, tuple(said["libraries"]), _unfit(said))
