"""What stacks come to on one distribution: packages by name, presets they come from, and what is to be known. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from cudepot.catalog.config.distributions import Distribution
from cudepot.catalog.config.presets import Presets
from cudepot.catalog.ecosystems import APT
from cudepot.catalog.stacks.stacks import Row, Stack, Stacks
from cudepot.errors import ConfigError

_CUDA = re.compile(r"[1-9][0-9]?\.[0-9]")
_DRIVER = re.compile(r"[1-9][0-9]{2}")
_KERNEL = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+-[A-Za-z0-9._+~-]+")
_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64", "sbsa": "aarch64"}
_DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class StackWishes:
    """What a project of stacks is for, as the command line says it.

    Attributes:
        stacks: their names.
        distributions: ``ubuntu2204``, ``rocky9/aarch64``; the machine is x86_64 where none is said.
        cuda: ``12.6``; empty where none is said.
        driver: a branch, ``570``; empty for the newest.
        kernels: as ``uname -r`` says them.
        keys: fingerprints that may sign NVIDIA's repository, where no preset pins one.
        more_cudas: others beside ``cuda``, each with environments of its own.
    """

    stacks: tuple[str, ...]
    distributions: tuple[str, ...]
    cuda: str = ""
    driver: str = ""
    kernels: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    more_cudas: tuple[str, ...] = ()

    def each(self) -> list[StackWishes]:
        """Return these wishes once for each CUDA."""
        return [replace(self, cuda=one, more_cudas=()) for one in (self.cuda, *self.more_cudas)]

    def given(self) -> Mapping[str, bool]:
        """Return which options are said."""
        return {"cuda": bool(self.cuda), "driver": bool(self.driver), "kernel": bool(self.kernels)}


class Target(NamedTuple):
    """A distribution on one sort of machine: ``architecture`` as its packages call it, ``machine`` as ``uname -m``."""

    distribution: Distribution
    architecture: str
    machine: str


class Chosen(NamedTuple):
    """What stacks come to on one target.

    Attributes:
        packages: stack → its packages, as the package manager takes them.
        presets: those beside the distribution's, in the order of the stacks, then those of the distribution.
        notes: what is to be known.
        cuda: the CUDA it is for; empty where none is said.
    """

    target: Target
    packages: Mapping[str, tuple[str, ...]]
    presets: tuple[str, ...]
    notes: tuple[str, ...]
    cuda: str = ""


def target(text: str, presets: Presets) -> Target:
    """Return the target that ``ubuntu2204`` or ``rocky9/aarch64`` says; raise ConfigError where it is not known."""
    name, _, machine = text.partition("/")
    if (machine := machine or "x86_64") not in _MACHINES:
        raise ConfigError(f"there is no architecture {machine!r}", hint=f"there are {', '.join(_MACHINES)}")
    found, machine = presets.distribution(name), _MACHINES[machine]
    return Target(found, _DEBIAN[machine] if found.type == APT.name else machine, machine)


def check(wishes: StackWishes, stacks: Stacks, cudas: Collection[str]) -> tuple[str, ...]:
    """Return what is odd about wishes and no fault; raise ConfigError for what is.

    Args:
        wishes: what somebody wants.
        stacks: all stacks.
        cudas: CUDA versions that are known.
    """
    if not wishes.distributions:
        raise ConfigError("no distribution was given", hint="--distribution ubuntu2204; --list-stacks lists them too")
    for name in wishes.stacks:
        _check_needs(stacks, name, wishes)
    notes = [*odd_cuda(wishes.cuda, cudas), *odd_driver(wishes.driver, stacks)]
    check_pair(wishes.cuda, wishes.driver, stacks)
    for one in wishes.kernels:
        check_kernel(one)
    return tuple(notes)


def check_kernel(text: str) -> str:
    """Return a kernel as ``uname -r`` says it; raise ConfigError for another text."""
    if not _KERNEL.fullmatch(text):
        raise ConfigError(
            f"{text!r} is not a kernel version", hint="as `uname -r` prints it: --kernel 5.15.0-130-generic"
        )
    return text


def _check_needs(stacks: Stacks, name: str, wishes: StackWishes) -> None:
    for stack in stacks.parts(name):
        if lacking := [one for one in stack.needs if not wishes.given()[one]]:
            part = "" if stack.name == name else f" (a part of {name})"
            raise ConfigError(
                f"stack {stack.name!r}{part} needs {' and '.join(f'--{one}' for one in lacking)}",
                hint="--cuda 12.6, --driver 570, --kernel 5.15.0-130-generic; see `cudepot init --list-stacks`",
            )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split("."))


def odd_cuda(cuda: str, known: Collection[str]) -> Iterator[str]:
    """Give a line where a CUDA is newer than those that are known; raise ConfigError where it is none."""
    if not cuda or cuda in known:
        return
    latest = max(known, key=_numbers)
    if not _CUDA.fullmatch(cuda) or _numbers(cuda) < _numbers(latest):
        near = [one for one in known if one.partition(".")[0] == cuda.partition(".")[0]]
        raise ConfigError(f"there is no CUDA {cuda!r}", hint=f"known: {', '.join(sorted(near or known, key=_numbers))}")
    yield f"CUDA {cuda} is newer than this cudepot knows ({latest}): `lock` will show whether its packages exist"


def odd_driver(driver: str, stacks: Stacks) -> Iterator[str]:
    """Give a line where a driver branch is newer than those that are known; raise ConfigError where it is none."""
    if not driver or (driver.isdigit() and int(driver) in stacks.drivers):
        return
    latest = max(stacks.drivers)
    if not _DRIVER.fullmatch(driver) or int(driver) < latest:
        raise ConfigError(
            f"there is no driver branch {driver!r}",
            hint=f"a branch is the first number of a version: {', '.join(map(str, stacks.drivers))}",
        )
    yield f"driver branch {driver} is newer than this cudepot knows ({latest}): `lock` will show whether it exists"


def check_pair(cuda: str, driver: str, stacks: Stacks) -> None:
    """Raise ConfigError where a CUDA needs a newer driver branch."""
    oldest = stacks.oldest.get(int(cuda.partition(".")[0] or 0), 0)
    if driver and int(driver) < oldest:
        raise ConfigError(
            f"CUDA {cuda} does not run with driver branch {driver}",
            hint=f"it needs {oldest} or newer",
        )


def choose(wishes: StackWishes, one: Target, stacks: Stacks, presets: Presets) -> Chosen:
    """Return what stacks come to on a target; raise ConfigError where one of them has nothing for it."""
    packages: dict[str, tuple[str, ...]] = {}
    needed: dict[str, None] = {}
    notes: dict[str, None] = {}
    for stack in _every(wishes, stacks):
        for row in (row for row in stack.rows if _counts(row, wishes, one)):
            packages[stack.name] = (*packages.get(stack.name, ()), *_filled(row.names, wishes, one))
            needed |= dict.fromkeys(_filled(row.presets, wishes, one))
            notes |= dict.fromkeys(_filled((row.note,), wishes, one) if row.note else ())
        if stack.rows and not (stack.name in packages or stack.parts):
            raise ConfigError(
                f"stack {stack.name!r} has nothing for {one.distribution.title}", hint=_elsewhere(stack, presets)
            )
    return Chosen(one, packages, (*_existing(needed, presets), *own_presets(one, presets)), tuple(notes), wishes.cuda)


def _every(wishes: StackWishes, stacks: Stacks) -> list[Stack]:
    named = {stack.name: stack for name in wishes.stacks for stack in stacks.parts(name)}
    return list(named.values())


def _counts(row: Row, wishes: StackWishes, one: Target) -> bool:
    given, branch = wishes.given(), int(wishes.driver or 0)
    return (
        row.type in ("", one.distribution.type)
        and (not row.distributions or any(fnmatchcase(one.distribution.name, glob) for glob in row.distributions))
        and all(given[option] for option in row.given)
        and not any(given[option] for option in row.missing)
        and row.driver_from <= branch
        and branch <= (row.driver_to or branch)
    )


def _filled(texts: Sequence[str], wishes: StackWishes, one: Target) -> Iterator[str]:
    """Give texts with the words in braces replaced, those with a kernel for each of them."""
    words = {
        "{cuda}": wishes.cuda.replace(".", "-"),
        "{cuda.dotted}": wishes.cuda,
        "{cuda.major}": wishes.cuda.partition(".")[0],
        "{driver}": wishes.driver,
        "{arch}": one.architecture,
        "{nvidia}": one.distribution.nvidia,
        "{folder}": "x86_64" if one.machine == "x86_64" else "sbsa",
        "{doca}": "x86_64" if one.machine == "x86_64" else "arm64-sbsa",
        "{release}": one.distribution.name.lstrip("abcdefghijklmnopqrstuvwxyz"),
    }
    for text in texts:
        for word, value in words.items():
            text = text.replace(word, value)  # noqa: PLW2901 - word by word
        kernels = [one.removesuffix(".x86_64").removesuffix(".aarch64") for one in wishes.kernels]
        for kernel in kernels if "{kernel" in text else [""]:
            yield text.replace("{kernel}", kernel).replace("{kernel.short}", kernel.partition(".el")[0])


def _existing(names: Collection[str], presets: Presets) -> Iterator[str]:
    for name in names:
        presets.get(name)  # names similar ones where there is none
        yield name


def own_presets(one: Target, presets: Presets) -> Iterator[str]:
    """Give the presets of the distribution itself, and of no other."""
    for name, preset in presets.repositories.items():
        if (
            preset.distributions == (one.distribution.name,)
            and preset.called
            and one.architecture in preset.architectures
        ):
            yield name


def _elsewhere(stack: Stack, presets: Presets) -> str:
    globs = [glob for row in stack.rows for glob in row.distributions or ("*",)]
    found = [name for name in presets.distributions if any(fnmatchcase(name, glob) for glob in globs)]
    return f"it is for {', '.join(found)}"
