"""Reads what programs and package managers say about a machine: the loader's cache, dpkg, conda, wheels, nvidia-smi."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from cudepot.catalog.installation import Gpu, Package

_CACHED = re.compile(r"^\t(?P<name>\S+) \((?P<flags>[^)]*64[^)]*)\) => (?P<path>\S+)$", re.MULTILINE)
_FIELD = re.compile(r"^(Package|Status|Version): (.*)$", re.MULTILINE)
_NAMED = re.compile(r"-(?:cuda-|cu)(\d+)|-cu(\d+)$")
_BUILT = re.compile(r"(?:^|_|\+|\.)cuda(\d+(?:\.\d+)?)")
_DEPENDS = re.compile(r"^(?:cuda-version|cudatoolkit) [>=]*(\d+(?:\.\d+)?)")


def cached(text: str) -> list[tuple[str, str]]:
    """Return (SONAME, path) of the 64-bit libraries in what ``ldconfig -p`` prints, in its order."""
    return [(one["name"], one["path"]) for one in _CACHED.finditer(text)]


def dpkg_packages(status: str) -> Iterator[Package]:
    """Give the installed packages with cuDNN's libraries or headers, of the text of ``/var/lib/dpkg/status``."""
    for stanza in status.split("\n\n"):
        if "cudnn" in stanza:
            fields = dict(_FIELD.findall(stanza))
            name, version = fields.get("Package", ""), fields.get("Version", "")
            if _is_cudnn(name) and fields.get("Status", "").endswith(" installed"):
                yield Package("deb", name, version, _cuda(name, version))


def rpm_packages(text: str) -> Iterator[Package]:
    """Give the packages of lines ``NAME VERSION-RELEASE``."""
    for line in text.splitlines():
        name, _, version = line.partition(" ")
        if _is_cudnn(name):
            yield Package("rpm", name, version, _cuda(name, version))


def wheel_package(folder: str) -> Package | None:
    """Return the package of a ``.dist-info`` folder's name."""
    name, _, version = folder.removesuffix(".dist-info").partition("-")
    name = name.lower().replace("_", "-")
    return Package("wheel", name, version, _cuda(name, "")) if name.startswith("nvidia-") and version else None


def conda_package(text: str) -> Package | None:
    """Return the package of a file in ``conda-meta``; None where it is damaged."""
    try:
        said = json.loads(text)
        name, version, build = str(said["name"]), str(said["version"]), str(said.get("build", ""))
        depends = [str(one) for one in said.get("depends", [])]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    asked = [found[1] for one in depends if (found := _DEPENDS.match(one))]
    return Package("conda", name, version, _cuda("", build) or next(iter(asked), ""))


def gpus(text: str) -> Iterator[Gpu]:
    """Give the GPUs of ``nvidia-smi --query-gpu=name,compute_cap,driver_version --format=csv,noheader``."""
    for line in text.splitlines():
        parts = [one.strip() for one in line.rsplit(",", 2)]
        numbers = [re.match(r"(\d+)\.(\d+)", one) for one in parts[1:]]
        if len(numbers) == 2 and numbers[0] and numbers[1]:
            capability, driver = ((int(one[1]), int(one[2])) for one in numbers if one)
            yield Gpu(parts[0], capability, driver)


def alternative_links(text: str) -> tuple[str, list[str], list[str]]:
    """Return mode, links (master and slaves) and choices of a file in ``/var/lib/dpkg/alternatives``."""
    head, _, tail = text.partition("\n\n")
    lines, choices = head.splitlines(), tail.splitlines()
    links = [lines[1], *lines[3::2]] if len(lines) > 1 else []
    slaves = len(links) - 1
    return (lines[0] if lines else "", links, [one for one in choices[:: slaves + 2] if one] if links else [])


def _is_cudnn(name: str) -> bool:
    return re.match(r"(lib)?cudnn\d*(-|$)", name) is not None and not re.search(r"samples|cross|static", name)


def _cuda(name: str, version: str) -> str:
    named, built = _NAMED.search(name), _BUILT.search(version)
    return (named[1] or named[2]) if named else built[1] if built else ""
