"""``cudepot doctor --run``: the installed cuDNN computes on the GPU, and the results are compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cudepot.catalog.doctor.places import LIBRARY_FOLDERS, MAJORS, PRELOADED
from cudepot.catalog.nvidia.support_matrix import unfit
from cudepot.errors import GpuError, InstallationError
from cudepot.probe.child import Ended, check_on_gpu
from cudepot.probe.loader import elf_machine
from cudepot.probe.machine import Machine
from cudepot.workflows.doctor.environments import environments
from cudepot.workflows.doctor.folders import library_folders

_ABSENT = {"driver": "no usable NVIDIA driver", "gpu": "no GPU"}
_NO_CODE = "CUDNN_STATUS_ARCH_MISMATCH"
_MACHINES = {62: "x86_64", 183: "aarch64", 21: "ppc64le"}
_MB = 1 << 20


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
        library: files of libcudnn the loader took; ``cudnn`` with all its parts, ``libraries`` with all of CUDA.
        version: CUDNN_VERSION, ``cuda`` the CUDA runtime it was built with, ``driver_cuda`` the driver's.
        capability: compute capability.
        unfit: why the support matrix does not have this cuDNN on this GPU; empty when it has.
        skipped: why the graph was not run; empty when it was, or the version has none.
        elsewhere: parts that the loader took from another copy of the same version, though the library has its own.
    """

    python: str
    library: tuple[str, ...]
    version: int
    cuda: int
    gpu: str
    capability: tuple[int, ...]
    driver_cuda: int
    tests: tuple[Test, ...]
    cudnn: tuple[str, ...] = field(default=())
    libraries: tuple[str, ...] = field(default=())
    unfit: str = ""
    skipped: str = ""
    elsewhere: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all tests passed."""
        return bool(self.tests) and all(one.passed for one in self.tests)


def run_on_gpu(machine: Machine, prefix: str, seconds: int) -> Run:
    """Run the cuDNN of a prefix (empty: the active environment's, else the one the loader takes) for some seconds.

    An environment's own Python does it where there is one, and what frameworks load before cuDNN is loaded before it.

    Raises:
        GpuError: no driver or no device here, its memory is full, or it fails on a GPU this cuDNN is not made for.
        InstallationError: no cuDNN there, it cannot be loaded, a call fails, or parts come from elsewhere.
    """
    prefix = prefix or _active(machine)
    libraries = list(_cudnn(machine, prefix)) if prefix else [f"libcudnn.so.{one}" for one in MAJORS]
    if not libraries:
        raise InstallationError(f"{prefix}: no libcudnn.so.N below it", hint=f"looked in {', '.join(LIBRARY_FOLDERS)}")
    _check_machine(machine, libraries)
    python = f"{prefix}/bin/python" if prefix and machine.exists(f"{prefix}/bin/python") else ""
    ended = check_on_gpu(python, list(_first_loaded(machine, prefix)) if prefix else [], libraries, seconds)
    said = json.loads(ended.said) if ended.said else {}
    if ended.fault:
        _cut_short(ended, said, libraries)
    _no_fault(said, libraries)
    elsewhere = _no_strangers(machine, said)
    return replace(_run(said, python), elsewhere=tuple(elsewhere))


def _active(machine: Machine) -> str:
    """Return the active environment that has a cuDNN; empty for none."""
    named = [machine.environment.get(name, "").rstrip("/") for name in ("VIRTUAL_ENV", "CONDA_PREFIX")]
    return next((one for one in named if one and any(_cudnn(machine, one))), "")


def _folders(machine: Machine, prefix: str) -> list[str]:
    return list(library_folders(machine, environments(machine, prefix)[0]))


def _cudnn(machine: Machine, prefix: str) -> Iterator[str]:
    folders = _folders(machine, prefix)
    for major in MAJORS:
        yield from (f"{one}/libcudnn.so.{major}" for one in folders if machine.exists(f"{one}/libcudnn.so.{major}"))


def _first_loaded(machine: Machine, prefix: str) -> Iterator[str]:
    """Give CUDA's libraries of the prefix by SONAME: names with one number after ``.so``, or two as in 11.0."""
    folders = _folders(machine, prefix)
    for stem in PRELOADED:
        found = [path for one in folders for path in machine.matches(f"{one}/{stem}*")]
        short = [one for one in found if one.rsplit(".so.", 1)[-1].count(".") <= 1 and machine.exists(one)]
        yield from short[:1]


def _check_machine(machine: Machine, libraries: Sequence[str]) -> None:
    """Refuse a library for another processor: of that the loader says «No such file»."""
    host = elf_machine(machine, "/proc/self/exe")
    for path in libraries if host else ():
        there = elf_machine(machine, path) if path.startswith("/") else None
        if there not in (None, host):
            name = _MACHINES.get(there or 0, str(there))
            raise InstallationError(f"{path}: for {name}, not for this machine", hint="install the package for it")


def _cut_short(ended: Ended, said: dict[str, Any], libraries: list[str]) -> None:
    loaded = ", ".join(said.get("library") or libraries)
    what = f"{loaded}: {ended.fault}" + (f", in {said['step']}" if said.get("step") else "")
    if not ended.late:
        raise InstallationError(what, hint="see the process's output; see also `cudepot doctor`")
    if reason := _unfit(said):
        longer = "the driver translates its code first, once; give it an hour for that with --timeout 3600"
        raise GpuError(f"{what}; {reason}", hint=f"{longer}, or install a cuDNN built for this GPU")
    raise InstallationError(
        what, hint="check with `nvidia-smi` whether the GPU is busy, or allow more time with --timeout"
    )


def _version(number: int) -> tuple[int, int, int]:
    major = 10000 if number >= 90000 else 1000
    return number // major, number % major // 100, number % 100


def _unfit(said: dict[str, Any]) -> str:
    if "capability" not in said:
        return ""
    version = _version(said["version"])
    cuda = f"{said['cuda'] // 1000}.{said['cuda'] % 1000 // 10}"
    reason = unfit(version[:2], cuda, (said["capability"][0], said["capability"][1]))
    return f"{said['gpu']} has {reason}" if reason else ""


def _no_fault(said: dict[str, Any], libraries: list[str]) -> None:
    fault = said["fault"]
    if fault is None:
        return
    if fault["kind"] in _ABSENT:
        raise GpuError(f"{_ABSENT[fault['kind']]} on this machine: {fault['told']}", hint=_hidden(said))
    if fault["kind"] == "full":
        free, total = said.get("free", 0) // _MB, said.get("memory", 0) // _MB
        room = f"its memory is full ({free} of {total} MB free)" if total else "it is in use or its memory is full"
        raise GpuError(f"{said.get('gpu', 'the GPU')}: {room}: {fault['told']}", hint="`nvidia-smi` shows what uses it")
    done = "".join(f", after {one['name']} had ended" for one in said["tests"][-1:])
    loaded = ", ".join(said.get("library", ())) or ", ".join(libraries)
    reason = _unfit(said) if fault["kind"] == "call" else ""
    if reason or _NO_CODE in fault["told"]:
        what = f"{loaded}: {fault['told']}{done}; {reason or 'it has no code for ' + said['gpu']}"
        raise GpuError(what, hint="install a cuDNN that NVIDIA's support matrix lists for this GPU")
    raise InstallationError(f"{loaded}: {fault['told']}{done}", hint="`cudepot doctor` says what does not match")


def _hidden(said: dict[str, Any]) -> str:
    visible = said.get("visible")
    if visible is not None and said["fault"]["kind"] == "gpu":
        return f"CUDA_VISIBLE_DEVICES is {visible!r}, which hides GPUs: unset it"
    return "nothing was computed; run it where `nvidia-smi` lists a GPU (in a container: with --gpus)"


def _no_strangers(machine: Machine, said: dict[str, Any]) -> list[str]:
    """Refuse a run with parts of another cuDNN, or of another copy where the library lacks its own.

    Returns:
        parts of another copy of the same version that the loader prefers: a wheel has SONAMEs only, and full names,
        which debs and conda packages have, are opened first. Its programs get these, too.
    """
    version = _version(said["version"])
    folders = {machine.real(one).rpartition("/")[0] for one in said["library"]}
    mapped = [real for one in said["cudnn"] if (real := machine.real(one)).rpartition("/")[0] not in folders]
    own = {name.partition(".so")[0] for one in folders for name in machine.names(one)}
    strange = [one for one in mapped if not _is_same(one, version)]
    missing = [one for one in mapped if one.rpartition("/")[2].partition(".so")[0] not in own]
    if strange or missing:
        of = "another cuDNN" if strange else "another copy of the same version"
        raise InstallationError(
            f"{', '.join(said['library'])} loads parts of {of}: {', '.join(strange or missing)}",
            hint="reinstall the requested cuDNN completely; `cudepot doctor` names what is missing",
        )
    return mapped


def _is_same(path: str, version: tuple[int, int, int]) -> bool:
    """Return whether a file's full name says that version."""
    found = re.search(r"\.so\.(\d+)\.(\d+)\.(\d+)$", path)
    return found is not None and tuple(map(int, found.groups())) == version


def _run(said: dict[str, Any], python: str) -> Run:
    tests = tuple(
        Test(one["name"], tuple(one["shape"]), one["passed"], one["ms"], one["gflops"], one["worst"])
        for one in said["tests"]
    )
    named = (said["version"], said["cuda"], said["gpu"], tuple(said["capability"]), said["driver_cuda"])
    files = (tuple(said["cudnn"]), tuple(said["libraries"]))
    return Run(python, tuple(said["library"]), *named, tests, *files, _unfit(said), said["skipped"])
