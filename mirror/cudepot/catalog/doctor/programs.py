"""Judges what programs get when they ask for cuDNN: the copy meant, new enough, with its own parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cudepot.catalog.doctor.parts import came_with, taken_if_there
from cudepot.catalog.doctor.remedies import again, newer
from cudepot.catalog.doctor.values import Copy, Finding, Part, Program, Severity, Version, dotted

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
_VARIABLES = ("LD_LIBRARY_PATH", "LD_PRELOAD")
"""What leads the loader elsewhere than a program's own search path."""


def loaded(programs: Sequence[Program], copies: Mapping[str, Copy]) -> Iterator[Finding]:
    """Name programs that get no cuDNN, another one than the one meant for them, or parts of another.

    Args:
        programs: all of them.
        copies: by the real path of each of their libraries.
    """
    by_parts: dict[tuple[str, tuple[Part, ...]], list[Program]] = {}
    for one in programs:
        if not one.path:
            yield _unloaded(one, programs) if one.unused else _nowhere(one, copies)
            continue
        yield from list(_shadowed(one, copies)) or _too_old(one, copies)
        by_parts.setdefault((one.real, one.parts), []).append(one)
    for several in by_parts.values():
        yield from _parts(several, copies)


def _who(one: Program) -> str:
    return f"{one.name} of {one.prefix}" if one.prefix else one.name


def _wheel(one: Program, copies: Mapping[str, Copy], version: str) -> str:
    """Return the requirement that brings the cuDNN a program wants: as it names it, else for the CUDA that is there."""
    if one.wheel:
        return f"'{one.wheel}{version}'"
    known = (copy.cuda().partition(".")[0] for copy in copies.values() if copy.major == _major(one))
    return f"'nvidia-cudnn-cu{next(filter(None, known), '12')}{version}'"


def _major(one: Program) -> str:
    return one.soname.rpartition(".so.")[2].partition(".")[0]


def _nowhere(one: Program, copies: Mapping[str, Copy]) -> Finding:
    refused = "it cannot be imported" if one.prefix else "the loader cannot start it"
    return Finding(
        ERROR if one.needs else WARNING, "not-found",
        f"{_who(one)} needs {one.soname}, which is nowhere" + ("" if one.prefix else " that the loader looks"),
        refused if one.needs else "it runs without the GPU, or fails when it first needs cuDNN",
        _bring(one, copies) if one.prefix else _lead(one, copies),
    )  # fmt: skip


def _bring(one: Program, copies: Mapping[str, Copy]) -> str:
    version = f">={dotted(one.lowest)},<{one.lowest[0] + 1}" if one.lowest else f"=={_major(one)}.*"
    return f"pip install {_wheel(one, copies, version)}"


def _lead(one: Program, copies: Mapping[str, Copy]) -> str:
    """Return what leads a program without an environment to a cuDNN that is there, else what installs one."""
    there = [copy.folder for copy in copies.values() if copy.major == _major(one)]
    if there:
        return f"export LD_LIBRARY_PATH={there[0]}"
    return f"install cuDNN {_major(one)} where the loader looks, as NVIDIA's packages libcudnn{_major(one)}* do"


def _unloaded(one: Program, programs: Sequence[Program]) -> Finding:
    """Name a framework that gets the cuDNN of its environment only when something else has loaded that before."""
    helped = any(other.path and other.prefix == one.prefix and other.soname == one.soname for other in programs)
    return Finding(
        NOTE if helped else WARNING, "not-loaded", f"{_who(one)} does not find {one.soname} by itself: {one.unused}",
        "its library has no search path to it: it runs on the CPU, unless the process has already loaded cuDNN",
        one.advice,
    )  # fmt: skip


def _version(real: str, copies: Mapping[str, Copy]) -> Version | None:
    copy = copies.get(real)
    return copy.version() if copy else None


def _shadowed(one: Program, copies: Mapping[str, Copy]) -> Iterator[Finding]:
    """Name a folder of LD_LIBRARY_PATH that hides the copy meant for a program, where that makes a difference."""
    if one.why not in _VARIABLES or not one.prefix or not one.own or one.own == one.real:
        return
    taken, own = _version(one.real, copies), _version(one.own, copies)
    if taken and own and taken[:3] == own[:3]:
        return
    older = bool(taken and own and taken < own)
    folder = one.path.rpartition("/")[0]
    yield Finding(
        ERROR if older else WARNING, "shadowed",
        f"{one.why} makes {_who(one)} load {one.path}"
        + (f" ({dotted(taken)})" if taken else "") + f", not {one.own}" + (f" ({dotted(own)})" if own else ""),
        "it refuses a cuDNN that is older than the one it was built with" if older
        else "the copy in its environment is not the one that is used",
        f"remove {folder if one.why != 'LD_PRELOAD' else one.path} out of {one.why} (unset {one.why})",
    )  # fmt: skip


def _too_old(one: Program, copies: Mapping[str, Copy]) -> Iterator[Finding]:
    taken = _version(one.real, copies)
    if taken and one.lowest and (taken[0], taken[1]) < (one.lowest[0], one.lowest[1] if len(one.lowest) > 1 else 0):
        yield Finding(
            ERROR, "too-old",
            f"{_who(one)} needs cuDNN {dotted(one.lowest)} and gets {dotted(taken)}: {one.path} ({one.why})",
            "frameworks refuse a cuDNN older than the one they were built with",
            f"pip install {_wheel(one, copies, f'>={dotted(one.lowest)},<{one.lowest[0] + 1}')}",
        )  # fmt: skip


def _parts(several: Sequence[Program], copies: Mapping[str, Copy]) -> Iterator[Finding]:
    """Name parts that come from another copy of another version, and a first library that finds none."""
    one, who = several[0], " and ".join(map(_who, several))
    mine, version = copies.get(one.real), _version(one.real, copies)
    foreign = [part for part in one.parts if part.path and _is_foreign(part, mine, version)]
    if foreign:
        there = ", ".join(f"{part.path} ({dotted(part.version) if part.version else 'unknown'})" for part in foreign)
        yield Finding(
            ERROR, "foreign-part", f"{who}: {one.path} loads parts of another cuDNN: {there}",
            "it opens its parts by name, and the loader finds these first: calls end with "
            "CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH, or the process is aborted",
            _without(foreign[0]) if foreign[0].why in _VARIABLES else _whole(mine, version, foreign, one),
        )  # fmt: skip
    lost = [part.stem for part in one.parts if not part.path]
    lone = mine is None or any(library.is_mangled for library in mine.libraries)
    if lost and (lone or len(lost) == len(one.parts)):
        yield Finding(
            ERROR, "parts-unreachable", f"{who}: {one.path} finds none of {', '.join(lost)}",
            "the loader looks for them neither next to the program nor in an environment: the process is aborted "
            "when it first computes",
            f"pip install {_wheel(one, copies, _like(version, one))}, and add its folder nvidia/cudnn/lib to "
            "LD_LIBRARY_PATH",
        )  # fmt: skip


def _without(part: Part) -> str:
    what = part.path if part.why == "LD_PRELOAD" else part.path.rpartition("/")[0]
    return f"remove {what} from {part.why} (unset {part.why})"


def _whole(mine: Copy | None, version: Version | None, foreign: Sequence[Part], one: Program) -> str:
    """Return what makes a copy whole: itself once more, or a newer one where it never had what it opens."""
    never = [part.stem.removeprefix("libcudnn_") for part in foreign]
    if mine and version and set(never) <= set(taken_if_there(version)) and (least := came_with(never[0])):
        return newer(mine, least)
    return again(mine) if mine else f"install the cuDNN of {one.path.rpartition('/')[0]} again, completely"


def _like(version: Version | None, one: Program) -> str:
    return f"=={dotted(version[:2])}.*" if version else f"=={_major(one)}.*"


def _is_foreign(part: Part, mine: Copy | None, version: Version | None) -> bool:
    if mine is None or version is None or part.real in {one.real for one in mine.libraries}:
        return False
    return part.version is None or part.version[:3] != version[:3]
