"""What a wheel that was built here has to be: of the right project and version, and fit for the machines it is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from cudepot.errors import BuildError
from cudepot.formats.library import LibraryInfo
from cudepot.kinds.wheels.rules.fitting import rank
from cudepot.kinds.wheels.rules.target import Target

_ELSEWHERE = (
    "build the wheel on such a machine and give it to an upstream of type folder, or leave that target out of the "
    "environment"
)
_OTHER = (
    "choose another version with `constraints`, or build the wheel yourself and give it to an upstream of type folder"
)
_BASE = ("libc.so.", "libm.so.", "libpthread.so.", "libdl.so.", "librt.so.", "libutil.so.", "ld-linux", "libgcc_s.so.")
"""Libraries of glibc, whose versions tell the oldest glibc; and gcc's, whose interface is as old (PEP 600)."""


def version_of(sdist: str) -> str:
    """Return the version that an sdist's file name says; raise BuildError where it says none."""
    try:
        return str(parse_sdist_filename(sdist)[1])
    except ValueError as error:
        raise BuildError(f"{sdist[:200]!r} is not an sdist's file name", hint=_OTHER) from error


def check_name(filename: str, project: str, version: str, what: str) -> None:
    """Raise BuildError unless a built wheel is called as project and version of its sdist."""
    try:
        name, found, _, _ = parse_wheel_filename(filename)
        same = name == canonicalize_name(project) and found == Version(version)
    except (ValueError, InvalidVersion):
        same = False
    if not same:
        raise BuildError(
            f"{what}: its build makes {filename[:200]!r}, which is not a wheel of {project} {version}", hint=_OTHER
        )


def fits(filename: str, target: Target) -> bool:
    """Return whether a target takes a wheel, by its tags."""
    return rank(_tags(filename), target) is not None


def is_for_this_machine(filename: str) -> bool:
    """Return whether a wheel's tags say ``linux_x86_64`` or the like: a Linux, and nothing of its glibc."""
    return any(one.startswith("linux_") for one in _tags(filename).rpartition("-")[2].split("."))


def _tags(filename: str) -> str:
    return "-".join(filename.removesuffix(".whl").split("-")[-3:])


def check_platform(target: Target, here: Target, what: str) -> None:
    """Raise BuildError where a wheel that holds compiled code cannot be made for a target on this machine."""
    if target.platform != here.platform:
        raise BuildError(
            f"{what}: its build makes a wheel for {here.platform} only, but {target.name} needs another",
            hint=_ELSEWHERE,
        )


def unfit(filename: str, target: Target, what: str, python: str) -> BuildError:
    """Return the error for a wheel that a target does not take.

    Args:
        filename: the wheel's.
        target: which.
        what: the sdist.
        python: version of the Python that built it; empty where this machine has none that could.
    """
    minor = "{}.{}".format(*target.minor)
    if not python:
        return BuildError(
            f"{what}: a wheel for {target.name} must be built with Python {minor}, which this machine does not have",
            hint=f"install Python {minor} here ({filename} is for another); or {_ELSEWHERE}",
        )
    return BuildError(f"{what}: Python {python} builds {filename}, which does not fit {target.name}", hint=_ELSEWHERE)


def check_glibc(libraries: Mapping[str, LibraryInfo], filename: str, target: Target, what: str) -> None:
    """Refuse a wheel whose libraries need more than a target's glibc: its tags (``linux_x86_64``) promise nothing.

    Raises:
        BuildError: one needs a library that no wheel may count on (PEP 600), or a newer glibc.
    """
    own = {name.rpartition("/")[2] for name in libraries}
    for name, one in libraries.items():
        strange = [other for other in one.needed if not other.startswith(_BASE) and other not in own]
        if strange:
            raise BuildError(
                f"{what}: {filename} works only on this machine: {name} needs {strange[0]}",
                hint="build it in a manylinux container, repair it with auditwheel, and give it to an upstream of "
                "type folder",
            )
        glibc = f"{one.glibc[0]}.{one.glibc[1]}"
        if one.glibc > _numbers(target.glibc):
            raise BuildError(
                f"{what}: {filename} needs glibc {glibc} ({name}), but {target.name} has {target.glibc}",
                hint=f'build it on an older Linux, or set `glibc = "{glibc}"` in the environment',
            )


def _numbers(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major or 0), int(minor or 0)


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return what tells two builds apart, by the sha256 of their files, for people."""
    names: Iterable[str] = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    named = [one for one in names if not one.endswith(".dist-info/RECORD")][:3]
    return ", ".join(named) or "order, dates or modes of its files"
