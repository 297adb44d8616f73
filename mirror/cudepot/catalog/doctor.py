"""Judges an installed cuDNN and its surroundings; each rule gives findings, none changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cudepot.catalog import doctor_files as files
from cudepot.catalog.doctor_files import ERROR, NOTE, WARNING
from cudepot.catalog.installation import Around, Copy, Finding, told
from cudepot.catalog.support_matrix import first_release, lowest_capability, lowest_driver

_ORDER = (ERROR, WARNING, NOTE)


def judge(copies: Sequence[Copy], around: Around) -> tuple[Finding, ...]:
    """Return all findings, the worst first."""
    found: list[Finding] = []
    for copy in copies:
        for rule in (files.links, files.names, files.versions, files.parts, files.headers, files.packages):
            found += rule(copy)
        for both in (files.machine, files.needs, files.opened, files.origins, shadowed, driver, gpu):
            found += both(copy, around)
    found += [*cache(around), *alternatives(around), *several(around)]
    if not any(copy.libraries for copy in copies):
        found.append(_nothing(copies))
    return tuple(sorted(dict.fromkeys(found), key=lambda one: _ORDER.index(one.severity)))


def _nothing(copies: Sequence[Copy]) -> Finding:
    where = ", ".join(one.prefix for one in copies) or "the places where packages put it"
    return Finding(
        ERROR, "no-cudnn", f"no libcudnn in {where}", "no program can use cuDNN",
        "install it, or name another environment with --prefix",
    )  # fmt: skip


def shadowed(copy: Copy, around: Around) -> Iterator[Finding]:
    """Name a folder of LD_LIBRARY_PATH that hides the environment's own copy."""
    if copy.kind == "system":
        return
    folders = {one.folder for one in copy.libraries}
    for choice in around.choices:
        asked = any(one.name == choice.soname for one in copy.libraries)
        if asked and choice.why == "LD_LIBRARY_PATH" and choice.path.rpartition("/")[0] not in folders:
            yield Finding(
                WARNING, "shadowed", f"LD_LIBRARY_PATH makes programs of {copy.prefix} load {choice.path}",
                "a RUNPATH comes after LD_LIBRARY_PATH: the copy of the environment is not the one that runs",
                "unset LD_LIBRARY_PATH in this environment, or remove that folder from it",
            )  # fmt: skip


def driver(copy: Copy, around: Around) -> Iterator[Finding]:
    """Name a driver older than the CUDA version needs."""
    for one in around.gpus:
        lowest = lowest_driver(copy.cuda(), one.capability) if copy.libraries else None
        if lowest and one.driver < lowest:
            yield Finding(
                ERROR, "driver-too-old",
                f"driver {told(one.driver)} is older than {told(lowest)}, which CUDA {copy.cuda()} asks for",
                f"{one.name} cannot be used by {copy.prefix}: CUDA_ERROR_INSUFFICIENT_DRIVER",
                "update the driver, or install the cuDNN for an older CUDA",
            )  # fmt: skip


def gpu(copy: Copy, around: Around) -> Iterator[Finding]:
    """Name GPUs that the version has no code for: too old, or not known yet when it was made."""
    version = copy.version()
    for one in around.gpus if version else ():
        assert version is not None
        pair = (version[0], version[1])
        lowest, (first, name) = lowest_capability(pair, copy.cuda()), first_release(one.capability)
        what = f"{one.name} has compute capability {told(one.capability)}; cuDNN {told(version)} in {copy.prefix}"
        if one.capability < lowest:
            yield Finding(
                ERROR, "gpu-too-old", f"{what} starts at {told(lowest)}", "CUDNN_STATUS_ARCH_MISMATCH",
                "pin an older cuDNN: 9.10 and older reach down to 5.0, 8.8 for CUDA 11 and older to 3.5",
            )  # fmt: skip
        elif pair < first:
            yield Finding(
                WARNING, "gpu-too-new", f"{what} is older than {told(first)}, the first for {name}",
                "it runs slowly after a long start (code is translated), fails, or gives wrong results",
                f"install cuDNN {told(first)} or newer",
            )  # fmt: skip


def cache(around: Around) -> Iterator[Finding]:
    """Name what the loader's cache lists and what is gone."""
    if around.stale:
        yield Finding(
            WARNING, "stale-cache", f"ld.so.cache lists {', '.join(around.stale)}, not there any more",
            "the loader opens a name that is gone, and fails or takes another copy", "run ldconfig as root",
        )  # fmt: skip


def alternatives(around: Around) -> Iterator[Finding]:
    """Name a broken or surprising state of update-alternatives."""
    group = around.alternatives
    if group is None:
        return
    if group.missing:
        yield Finding(
            ERROR, "alternatives-broken", f"update-alternatives: {', '.join(group.missing)} lead nowhere",
            "nothing compiles or links with cuDNN",
            "update-alternatives --auto libcudnn; if that fails, install the libcudnn*-dev package again",
        )  # fmt: skip
    elif group.mode == "manual" and len(group.choices) > 1:
        yield Finding(
            WARNING, "alternatives-manual", f"update-alternatives: libcudnn is set by hand to {group.current}",
            f"an update does not change it; the choices are {', '.join(group.choices)}",
            "update-alternatives --auto libcudnn, unless it was meant so",
        )  # fmt: skip


def several(around: Around) -> Iterator[Finding]:
    """Say when a SONAME has several copies, and which of them the loader takes."""
    for choice in around.choices:
        if choice.others:
            yield Finding(
                NOTE, "several-copies", f"{choice.soname}: the loader takes {choice.path} ({choice.why})",
                f"also there: {', '.join(choice.others)}",
                "nothing, if that is the one meant; else change LD_LIBRARY_PATH or ld.so.conf",
            )  # fmt: skip
