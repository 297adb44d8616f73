"""Pins set free of their versions, to see what newer releases there are, and bound again to the ones chosen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement

from cudepot.catalog.config import Pin
from cudepot.catalog.cuda_variant import is_cuda_variant
from cudepot.catalog.lock import Artifact
from cudepot.catalog.published import Support

_IN_VERSION = re.compile(r"\+cuda(\d+)|\.cuda(\d+)")
_NUMBER = re.compile(r"(\d+\.\d+\.\d+\.\d+)(?:.*cuda(\d+(?:\.\d+)?))?")
_IN_NAME = re.compile(r"cudnn.*(?:-cuda-|-cu)(\d+)")
_RPM = re.compile(r"(?P<name>.+)-(?P<version>[^-]+-[^-]+)")


@dataclass(frozen=True, slots=True)
class Bound:
    """One entry of a pin's ``packages`` that names a version: ``libcudnn8=8.0.5.39-1+cuda11.1``."""

    name: str
    version: str
    join: str

    def to(self, version: str) -> str:
        """Return the entry with another version."""
        return f"{self.name}{self.join}{version}"


@dataclass(frozen=True, slots=True)
class Update:
    """A newer release that fits a pin.

    Attributes:
        pin: number of the pin in cudepot.toml, counting from 0.
        before, after: the entry of the pin as it is and as it would be.
        locked, newest: versions.
        size: bytes of the newer artifact.
        path: where the upstream has it.
        published: when the upstream published it, as far as it says so (HTTP ``Last-Modified``).
        supports: what the support matrix knows of the release.
    """

    pin: int
    upstream: str
    name: str
    before: str
    after: str
    locked: str
    newest: str
    size: int
    path: str
    published: str = ""
    supports: str = ""


def bound(spec: str, kind: str) -> Bound | None:
    """Return what an entry of ``packages`` binds; None when it names no version, or is a glob.

    Args:
        spec: the entry.
        kind: type of the upstream.
    """
    if kind == "simple":
        return _requirement(spec)
    if kind == "yum":
        found = _RPM.fullmatch(spec)
        name, version, join = (found["name"], found["version"], "-") if found else (spec, "", "-")
    else:
        name, version, join = spec.partition("=")[0].strip(), spec.partition("=")[2].strip(), "="
    return Bound(name, version, join) if version and not set(name + version) & set("*?[") else None


def _requirement(spec: str) -> Bound | None:
    try:
        one = Requirement(spec)
    except InvalidRequirement:
        return None
    exact = [part.version for part in one.specifier if part.operator == "=="]
    return Bound(one.name, exact[0], "==") if len(exact) == 1 and len(one.specifier) == 1 else None


def freed(pin: Pin, kind: str) -> Pin:
    """Return the pin without versions; the major version of CUDA stays what the versions say."""
    found = [(spec, bound(spec, kind)) for spec in pin.packages]
    return replace(pin, packages=tuple(one.name if one else spec for spec, one in found), cuda=_cuda(pin))


def _cuda(pin: Pin) -> str:
    said = {first or second for spec in pin.packages for first, second in _IN_VERSION.findall(spec)}
    return pin.cuda or (said.pop() if len(said) == 1 else "")


def newer(
    number: int, pin: Pin, kind: str, locked: Iterable[Artifact], offered: Iterable[Artifact]
) -> tuple[Update, ...]:
    """Return which entries of a pin have something newer.

    Args:
        number: the pin's place in cudepot.toml.
        pin: as it is there.
        kind: type of its upstream.
        locked: artifacts of the upstream in the lock.
        offered: artifacts of the upstream that the freed pins resolve to.
    """
    updates, free = [], freed(pin, kind)
    offered, locked = list(offered), list(locked)
    for spec in pin.packages:
        one = bound(spec, kind)
        there = [other for other in offered if one and _is_of(one, free.cuda, other)]
        now = [other for other in locked if one and _is_of(one, _cuda(pin), other)]
        if one is None or not there or there[-1].version in {other.version for other in now}:
            continue
        best = there[-1]
        current = now[-1].version if now else one.version
        after = one.to(best.version)
        updates.append(
            Update(number, pin.upstream, one.name, spec, after, current, best.version, best.digest.size, best.path)
        )
    return tuple(updates)


def supported(one: Update, matrix: Iterable[Support]) -> str:
    """Return what the support matrix says of a newer cuDNN: drivers, toolkits, GPUs; empty where it says nothing."""
    number = _NUMBER.match(one.newest)
    if "cudnn" not in one.name or not number:
        return ""
    named = _IN_NAME.search(one.name)
    cuda = number[2] or (named[1] if named else "")
    row = next((row for row in matrix if cuda and row.covers(number[1], cuda)), None)
    if row is None:
        return ""
    told = {"CUDA": row.toolkits, "Linux driver from": row.driver, "GPUs": row.capability}
    return "; ".join(f"{name} {text}" for name, text in told.items() if text)


def _is_of(one: Bound, cuda: str, artifact: Artifact) -> bool:
    said = artifact.kind not in ("deb", "rpm") or not cuda or is_cuda_variant(artifact.name, artifact.version, cuda)
    return artifact.name == one.name and artifact.why == "pin" and said
