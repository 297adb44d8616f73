"""Judges an installed cuDNN and its surroundings; each rule gives findings, none changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cudepot.catalog.doctor import files
from cudepot.catalog.doctor.packages import headers, records
from cudepot.catalog.doctor.programs import loaded
from cudepot.catalog.doctor.values import (
    Around,
    Copy,
    Environment,
    Finding,
    Header,
    Package,
    Program,
    Severity,
    dotted,
)
from cudepot.catalog.nvidia.support_matrix import first_release, lowest_capability, lowest_driver

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
_ORDER = (ERROR, WARNING, NOTE)


def judge(
    found: Sequence[Environment],
    copies: Sequence[Copy],
    everywhere: Sequence[Copy],
    include: Sequence[Header],
    packages: Sequence[Package],
    programs: Sequence[Program],
    around: Around,
) -> tuple[Finding, ...]:
    """Return all findings, the worst first.

    Args:
        found: the environments that were looked at.
        copies: those to be judged; ``everywhere`` those a program may get as well.
        include: headers; ``packages``: what is recorded; ``programs``: who loads cuDNN.
        around: the loader, the driver, the GPUs.
    """
    by_file = {library.real: copy for copy in everywhere for library in copy.libraries if not library.fault}
    told_of: list[Finding] = []
    gone = [path for one in packages for path in one.gone]
    for copy in copies:
        told_of += _about(copy, gone, around)
    named = {library.path for copy in copies for library in copy.libraries if library.fault}
    named |= {library.path for copy in copies for library in copy.libraries if library.real in named}
    told_of += [*records(packages, named, copies), *headers(include, copies, packages), *loaded(programs, by_file)]
    used = [copy for copy in copies if _is_used(copy, programs)] or list(copies)
    for copy in used:
        told_of += [*driver(copy, around), *gpu(copy, around)]
    told_of += [*smi(around), *cache(around), *alternatives(around)]
    if not any(copy.libraries for copy in copies) and not gone:
        told_of.append(_nothing(found))
    return tuple(sorted(dict.fromkeys(told_of), key=lambda one: _ORDER.index(one.severity)))


def _about(copy: Copy, gone: Sequence[str], around: Around) -> Iterator[Finding]:
    for rule in (files.unreadable, files.names, files.versions):
        yield from rule(copy)
    yield from files.missing(copy, gone)
    yield from files.needs(copy, gone, around)
    for both in (files.machine, files.opened, files.origins):
        yield from both(copy, around)


def _is_used(copy: Copy, programs: Sequence[Program]) -> bool:
    mine = {one.real for one in copy.libraries}
    return any(one.real in mine for one in programs)


def _nothing(found: Sequence[Environment]) -> Finding:
    where = ", ".join(one.prefix for one in found) or "the folders where packages install it"
    return Finding(
        ERROR, "no-cudnn", f"no libcudnn in {where}, nor where the loader looks", "no program can use cuDNN",
        "install it, or name another environment with --prefix",
    )  # fmt: skip


def driver(copy: Copy, around: Around) -> Iterator[Finding]:
    """Name a driver older than the CUDA version needs; a cuda-compat library in its place counts."""
    for one in around.gpus:
        lowest, there = lowest_driver(copy.cuda(), one.capability), max(one.driver, around.compat or one.driver)
        if lowest and there < lowest:
            yield Finding(
                ERROR, "driver-too-old",
                f"driver {dotted(there)} is older than {dotted(lowest)}, which CUDA {copy.cuda()} requires",
                f"{one.name} cannot be used by {copy.folder}: CUDA_ERROR_INSUFFICIENT_DRIVER",
                "update the driver, or install the cuDNN for an older CUDA",
            )  # fmt: skip


def gpu(copy: Copy, around: Around) -> Iterator[Finding]:
    """Name GPUs that the version has no code for: too old, or not known yet when it was made."""
    version = copy.version()
    for one in around.gpus if version else ():
        if version is None or one.capability is None:
            continue
        pair = (version[0], version[1])
        lowest, (first, name) = lowest_capability(pair, copy.cuda()), first_release(one.capability)
        what = f"{one.name} has compute capability {dotted(one.capability)}; cuDNN {dotted(version)} in {copy.folder}"
        if one.capability < lowest:
            yield Finding(
                ERROR, "gpu-too-old", f"{what} starts at {dotted(lowest)}", "CUDNN_STATUS_ARCH_MISMATCH",
                "pin an older cuDNN: 9.10 and older reach down to 5.0, 8.8 for CUDA 11 and older to 3.5",
            )  # fmt: skip
        elif pair < first:
            yield Finding(
                WARNING, "gpu-too-new", f"{what} is older than {dotted(first)}, the first for {name}",
                "it starts very slowly (code is translated) and runs slowly, fails, or gives wrong results",
                f"install cuDNN {dotted(first)} or newer",
            )  # fmt: skip


def smi(around: Around) -> Iterator[Finding]:
    """Name an nvidia-smi that fails, in its own words."""
    if not around.smi:
        return
    mismatch = "mismatch" in around.smi.lower()
    yield Finding(
        ERROR if mismatch else WARNING, "driver-fails", f"nvidia-smi: {around.smi[:300]}",
        "the driver's library and its kernel module are of different versions: no program can use the GPU" if mismatch
        else "there is no driver that runs, or no GPU: programs that need one fail",
        "reboot, or unload the nvidia modules and load them again" if mismatch
        else "start the machine or container with its GPU (docker run --gpus all), or install the driver",
    )  # fmt: skip


def cache(around: Around) -> Iterator[Finding]:
    """Name what the loader's cache lists and what is gone."""
    if around.stale:
        yield Finding(
            WARNING, "stale-cache", f"ld.so.cache lists {', '.join(around.stale)}, which no longer exist",
            "the loader opens a file that is gone, and fails or loads another copy", "run ldconfig as root",
        )  # fmt: skip


def alternatives(around: Around) -> Iterator[Finding]:
    """Name a broken or surprising state of update-alternatives."""
    group = around.alternatives
    if group is None:
        return
    if group.missing:
        yield Finding(
            ERROR, "alternatives-broken", f"update-alternatives: {', '.join(group.missing)} point to missing files",
            "nothing compiles or links against cuDNN",
            "update-alternatives --auto libcudnn; if that fails, install the libcudnn*-dev package again",
        )  # fmt: skip
    elif group.mode == "manual" and len(group.choices) > 1:
        yield Finding(
            NOTE, "alternatives-manual", f"update-alternatives: libcudnn was set by hand to {group.current}",
            f"an update does not change it; the choices are {', '.join(group.choices)}",
            "update-alternatives --auto libcudnn, unless this is intended",
        )  # fmt: skip
