"""Reads the records package managers keep of a cuDNN: which files it has, of which size and hash.

Formats: conda's ``conda-meta/*.json`` (``paths_data`` of CEP-less conda documentation), RECORD of installed wheels (PEP
376, 427), dpkg's ``info/NAME.list`` and ``.md5sums`` (dpkg(1)), rpm's tags by ``--queryformat``.
"""

from __future__ import annotations

import base64
import binascii
import csv
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from cudepot.catalog.doctor.values import Package, Recorded, Version
from cudepot.catalog.ecosystems import ArtifactKind

_FILE = re.compile(r"(?:.*/)?(?:libcudnn[\w-]*\.so[.\d]*|cudnn\w*\.h)")
_NAMED = re.compile(r"-(?:cuda-|cu)(\d+)|-cu(\d+)$")
_BUILT = re.compile(r"(?:^|_|\+|\.)cuda(\d+(?:\.\d+)?)")
_DEPENDS = re.compile(r"^(?:cuda-version|cudatoolkit) [>=]*(\d+(?:\.\d+)?)")
RPM_FORMAT = "@ %{NAME} %{VERSION}-%{RELEASE}\\n[%{FILENAMES}\\t%{FILESIZES}\\t%{FILEDIGESTS}\\t%{FILELINKTOS}\\n]"
"""What ``rpm -qa --qf`` is asked for: a line for each package, then one for each of its files."""
_MD5, _SHA256 = 32, 64


def conda_package(text: str, prefix: str) -> Package | None:
    """Return the package of a file in ``conda-meta``; None where it is damaged."""
    try:
        said = json.loads(text)
        name, version, build = str(said["name"]), str(said["version"]), str(said.get("build", ""))
        depends = [str(one) for one in said.get("depends", [])]
        files = tuple(_conda_files(said, prefix))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    asked = [found[1] for one in depends if (found := _DEPENDS.match(one))]
    return Package(ArtifactKind.CONDA, name, version, cuda_of("", build) or next(iter(asked), ""), prefix, files)


def _conda_files(said: dict[str, Any], prefix: str) -> Iterator[Recorded]:
    rows = (said.get("paths_data") or {}).get("paths") or [{"_path": one} for one in said.get("files", ())]
    for one in rows:
        path = str(one["_path"])
        if _FILE.fullmatch(path):
            is_file = one.get("path_type", "hardlink") in ("hardlink", "copy")
            digest = str(one.get("sha256_in_prefix") or one.get("sha256") or "") if is_file else ""
            size = one.get("size_in_bytes") if is_file and isinstance(one.get("size_in_bytes"), int) else None
            yield Recorded(f"{prefix}/{path}", size, "sha256" if digest else "", digest)


def wheel_package(folder: str, record: str) -> Package | None:
    """Return the package of a ``.dist-info`` folder: its path, and the text of its RECORD."""
    site, _, name = folder.removesuffix(".dist-info").rpartition("/")
    name, _, version = name.partition("-")
    name = re.sub(r"[-_.]+", "-", name).lower()
    if not version:
        return None
    return Package(
        ArtifactKind.WHEEL,
        name,
        version,
        cuda_of("", version) or cuda_of(name, ""),
        site,
        tuple(_wheel_files(site, record)),
    )


def _wheel_files(site: str, record: str) -> Iterator[Recorded]:
    try:
        rows = list(csv.reader(line for line in record.splitlines() if "cudnn" in line))
    except csv.Error:
        return
    for row in rows:
        if len(row) == 3 and _FILE.fullmatch(row[0]) and ".." not in row[0].split("/"):
            algorithm, _, digest = row[1].partition("=")
            size = int(row[2]) if row[2].isdecimal() else None
            found = _hexadecimal(digest) if algorithm == "sha256" else ""
            yield Recorded(f"{site}/{row[0]}", size, "sha256" if found else "", found)


def _hexadecimal(digest: str) -> str:
    try:
        return base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4)).hex()
    except (binascii.Error, ValueError):
        return ""


def dpkg_packages(status: str) -> Iterator[Package]:
    """Give the installed packages with cuDNN's libraries or headers, of the text of ``/var/lib/dpkg/status``."""
    for stanza in status.split("\n\n"):
        if "cudnn" in stanza:
            fields = dict(re.findall(r"^(Package|Status|Version|Architecture): (.*)$", stanza, re.MULTILINE))
            name, version = fields.get("Package", ""), fields.get("Version", "")
            if is_cudnn(name) and fields.get("Status", "").endswith(" installed"):
                yield Package(ArtifactKind.DEB, name, version, cuda_of(name, version), "/usr")


def dpkg_files(listed: str, sums: str) -> tuple[Recorded, ...]:
    """Return a package's files of cuDNN: the paths of ``info/NAME.list``, the hashes of ``info/NAME.md5sums``."""
    known = {f"/{path}": digest for digest, _, path in (line.partition("  ") for line in sums.splitlines())}
    paths = [line for line in listed.splitlines() if _FILE.fullmatch(line)]
    return tuple(Recorded(path, None, "md5" if path in known else "", known.get(path, "")) for path in paths)


def rpm_packages(text: str) -> Iterator[Package]:
    """Give the packages in what rpm prints with ``RPM_FORMAT``."""
    for block in re.split(r"^@ ", text, flags=re.MULTILINE)[1:]:
        head, *lines = block.splitlines() or [""]
        name, _, version = head.partition(" ")
        if is_cudnn(name):
            yield Package(ArtifactKind.RPM, name, version, cuda_of(name, version), "/usr", tuple(_rpm_files(lines)))


def _rpm_files(lines: Iterable[str]) -> Iterator[Recorded]:
    for line in lines:
        path, size, digest, target, *_ = [*line.split("\t"), "", "", ""]
        if _FILE.fullmatch(path):
            algorithm = {_MD5: "md5", _SHA256: "sha256"}.get(len(digest), "")
            known = size.isdecimal() and not target
            yield Recorded(path, int(size) if known else None, algorithm, digest if algorithm else "")


def requirement(metadata: str) -> tuple[str, Version] | None:
    """Return the wheel of cuDNN that a wheel's METADATA asks for, and its lowest version; None when it names none."""
    for line in metadata.split("\n\n", maxsplit=1)[0].splitlines():
        named = re.match(r"Requires-Dist: (nvidia[-_.]cudnn[-_.]cu\d+)\b([^;]*)", line)
        bound = re.search(r"(?:==|>=|~=)\s*(\d+(?:\.\d+)*)", named[2]) if named else None
        if named and bound:
            return re.sub("[_.]", "-", named[1]), tuple(map(int, bound[1].split(".")))
    return None


def stated(text: str, constant: str) -> Version | None:
    """Return the version that a constant in Python code holds, as a tuple or a string; None when it is not there."""
    value = r"\s*['\"(]?\s*(\d{1,5}(?:\s*[.,]\s*\d{1,5}){0,3})\b"
    found = re.search(rf"\b{re.escape(constant)}\b['\"]?\s*[,:=]{value}", text)
    return tuple(int(one) for one in re.split(r"[.,]", found[1])) if found else None


def is_cudnn(name: str) -> bool:
    """Return whether a deb or rpm of that name has cuDNN's libraries or headers for this machine."""
    return re.match(r"(lib|nvidia-)?cudnn\d*(-|$)", name) is not None and not re.search(
        r"samples|cross|static|local-repo|doc", name
    )


def cuda_of(name: str, version: str) -> str:
    """Return the CUDA variant that a package's name or version says; empty for none."""
    named, built = _NAMED.search(name), _BUILT.search(version)
    return (named[1] or named[2]) if named else built[1] if built else ""
