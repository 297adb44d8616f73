"""What package managers print of an installation, read as packages: dpkg, apt, rpm, dnf, pip, uv, conda and others.

Which tool wrote a text, its header or the form of each line says, so that listings may be pasted one after another.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from cudepot.catalog.ecosystems import ArtifactKind

READ = (
    "dpkg -l, apt list --installed, rpm -qa, dnf list installed, pip freeze, pip list, conda list or conda env export"
)
"""The listings that are read, as a hint names them."""

_DEB_NAME = r"[a-z0-9][a-z0-9.+-]+"
_MACHINES = "x86_64|i[3-6]86|aarch64|ppc64le|noarch"


@dataclass(frozen=True, slots=True)
class Installed:
    """A package that is installed somewhere.

    Attributes:
        kind: of its package; an archive is never told to be installed.
        version: as its own tool writes it; EVR for an rpm; empty where the listing gives none, for the reason ``why``.
        architecture: of a deb or rpm; empty for others.
        build: build string of a conda package.
        filename, sha256: of a wheel that was installed from a file, where the listing has them.
        cut: whether a column may have cut the name or version off (``dpkg -l`` on a narrow terminal).
        why: why the line gives no version that could be pinned; empty where it does.
    """

    kind: ArtifactKind
    name: str
    version: str
    architecture: str = ""
    build: str = ""
    filename: str = ""
    sha256: str = ""
    cut: bool = False
    why: str = ""


@dataclass(slots=True)
class _Reading:
    """Where in a text we are: the table whose header was read last."""

    table: str = ""
    widths: tuple[int, ...] = ()
    found: list[Installed] = field(default_factory=list)


def decode_listing(data: bytes) -> str:
    """Return the text of a listing: UTF-8, or what its byte order mark says, as PowerShell's ``>`` writes UTF-16."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.removeprefix(codecs.BOM_UTF8).decode(encoding, "replace")
    return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-8", "replace")


def read_listing(text: str) -> list[Installed]:
    """Return every package a listing names, in its order; lines that list nothing are passed over."""
    if text.lstrip()[:1] in ("[", "{") and (found := _from_json(text)):
        return found
    reading = _Reading()
    for line in text.splitlines():
        _read_line(reading, line.rstrip())
    return reading.found


def _read_line(reading: _Reading, line: str) -> None:
    if _is_header(reading, line):
        return
    line = re.sub(r"^\[(?:pip3?|conda)\]\s+", "", line)  # PyTorch's collect_env
    forms = (_TABLES[reading.table], *_FORMS) if reading.table else _FORMS
    reading.found += next((found for form in forms if (found := form(line, reading))), [])


def _is_header(reading: _Reading, line: str) -> bool:
    """Note the table that begins with this line; return whether one does."""
    if line.startswith("+++-"):
        widths = tuple(map(len, line.split("-")[1:]))
        reading.widths = widths if _is_for_a_terminal(widths) else ()
    for table, form in _HEADERS.items():
        if re.match(form, line):
            reading.table = table
            return True
    return False


def _is_for_a_terminal(widths: Sequence[int]) -> bool:
    """Return whether columns of ``dpkg -l`` come from a terminal's width, so that what is longer was cut.

    The dpkg of today, and every one that writes to a file, makes each column as wide as its longest word, which then
    fills it. Older ones share out a terminal: 14, 12 to 14, 12 and the rest of 80, a wider one in proportion.
    """
    return len(widths) > 2 and abs(widths[0] - widths[1]) <= 2 and widths[-1] > 2 * widths[0]


def _deb(line: str, reading: _Reading) -> list[Installed]:
    """Read a line of ``dpkg -l``."""
    match = re.match(
        r"[hi]i[ R]\s*(?P<name>[a-z0-9][a-z0-9.+-]+(?::\w*)?)\s+(?P<version>\S+)\s+(?P<arch>\w+)(?:\s|$)", line
    )
    if not match:
        return []
    cut = (len(match["name"]), len(match["version"])) if reading.widths else ()
    is_cut = any(length >= width for length, width in zip(cut, reading.widths, strict=False))
    return [Installed(ArtifactKind.DEB, match["name"].partition(":")[0], match["version"], match["arch"], cut=is_cut)]


def _dpkg_query(line: str, _: _Reading) -> list[Installed]:
    """Read a line of ``dpkg-query -W``."""
    match = re.fullmatch(rf"(?P<name>{_DEB_NAME})(?::(?P<arch>\w+))?\t(?P<version>[0-9]\S*)", line)
    return [Installed(ArtifactKind.DEB, match["name"], match["version"], match["arch"] or "")] if match else []


def _apt(line: str, _: _Reading) -> list[Installed]:
    """Read a line of ``apt list --installed``."""
    form = rf"(?P<name>{_DEB_NAME})/\S+ (?P<version>\S+) (?P<arch>\w+) \[installed"
    match = re.match(form, line)
    return [Installed(ArtifactKind.DEB, match["name"], match["version"], match["arch"])] if match else []


def _rpm(line: str, _: _Reading) -> list[Installed]:
    """Read a line of ``rpm -qa``, or of ``dnf repoquery --installed``, which writes the epoch as well."""
    form = rf"(?P<name>[A-Za-z0-9_.+-]+)-(?:0:)?(?P<version>[^-\s]+-[^-\s]+?)\.(?P<arch>{_MACHINES})"
    match = re.fullmatch(form, line)
    return [Installed(ArtifactKind.RPM, match["name"], match["version"], match["arch"])] if match else []


def _dnf(line: str, _: _Reading) -> list[Installed]:
    """Read a line of ``dnf list installed`` or ``yum list installed``."""
    form = rf"(?P<name>[A-Za-z0-9_.+-]+)\.(?P<arch>{_MACHINES})\s+(?P<version>\S+-\S+)(?:\s+@?\S+)?"
    match = re.fullmatch(form, line)
    return (
        [Installed(ArtifactKind.RPM, match["name"], match["version"].removeprefix("0:"), match["arch"])]
        if match
        else []
    )


def _pip(line: str, _: _Reading) -> list[Installed]:
    """Read a line of ``pip freeze`` or of a list of requirements."""
    match = re.match(r"\s*(?:-\s+)?[\"']?(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[\w,. -]*\])?\s*(?P<rest>[=<>!~@].*|)$", line)
    if not match:
        return []
    name, rest = canonicalize_name(match["name"]), match["rest"]
    if exact := re.match(r"===?\s*(?P<version>[\w.!+]+)\s*(?:[;\\#\"'].*|--hash.*)?$", rest):
        return [Installed(ArtifactKind.WHEEL, name, exact["version"])]
    if rest.startswith("@"):
        return [_from_url(name, rest[1:].strip())]
    looks_so = re.match(r"[<>!~]=?|===?", rest) and re.match(r"[<>!~=]+\s*\d", rest)
    return [Installed(ArtifactKind.WHEEL, name, "", why=f"{line.strip()!r} names no exact version")] if looks_so else []


def _from_url(name: str, url: str) -> Installed:
    """Read ``NAME @ URL``: what pip freezes of a file it was given; the file name has the version, often a hash too."""
    parts = urlsplit(url.split(" ;", maxsplit=1)[0].split(maxsplit=1)[0]) if url else urlsplit("")
    filename = unquote(parts.path).rpartition("/")[2]
    hashed = re.search(r"sha256=([0-9a-fA-F]{64})", parts.fragment)
    try:
        project, version, _, _ = parse_wheel_filename(filename)
    except (InvalidWheelFilename, ValueError):
        return Installed(ArtifactKind.WHEEL, name, "", why=f"it came from {filename or url!r}, which is not a wheel")
    if project != name:
        return Installed(ArtifactKind.WHEEL, name, "", why=f"it came from {filename}, a wheel of {project}")
    return Installed(
        ArtifactKind.WHEEL, name, str(version), filename=filename, sha256=hashed[1].lower() if hashed else ""
    )


def _conda(line: str, _: _Reading) -> list[Installed]:
    """Read a line of ``conda env export`` or ``conda list --export``."""
    form = r"\s*(?:-\s+)?(?:[\w.-]+::)?(?P<name>[a-z0-9_][\w.-]*)=(?P<version>[\w.!+]+)(?:=(?P<build>[\w.+]+))?\s*"
    match = re.fullmatch(form, line)
    if not match:
        return []
    if match["build"] == "pypi_0":
        return [Installed(ArtifactKind.WHEEL, canonicalize_name(match["name"]), match["version"])]
    return [Installed(ArtifactKind.CONDA, match["name"], match["version"], build=match["build"] or "")]


def _conda_url(line: str, _: _Reading) -> list[Installed]:
    """Read a line of ``conda list --explicit``."""
    form = r"\S+://\S+/(?P<name>[\w.-]+)-(?P<version>[\w.!+]+)-(?P<build>[\w.+]+)\.(?:conda|tar\.bz2)(?:#\S+)?"
    match = re.fullmatch(form, line.strip())
    return [Installed(ArtifactKind.CONDA, match["name"], match["version"], build=match["build"])] if match else []


def _columns(line: str, reading: _Reading) -> list[Installed]:
    """Read a row of a table: name, version, and of conda build string and channel."""
    row = line.split()
    if len(row) < 2 or not re.match(r"[A-Za-z0-9_]", row[0]) or not re.match(r"v?\d", row[1]):
        return []
    if reading.table == "pip" or {"pypi", "pypi_0"} & set(row[2:]):
        return [Installed(ArtifactKind.WHEEL, canonicalize_name(row[0]), row[1])]
    return [Installed(ArtifactKind.CONDA, row[0], row[1], build=row[2] if len(row) > 2 else "")]


def _collected(line: str, _: _Reading) -> list[Installed]:
    """Read a row of ``conda list`` without its header, as PyTorch's collect_env quotes it: four columns."""
    match = re.fullmatch(
        r"(?P<name>[a-z0-9_][\w.-]*)\s+(?P<version>\d[\w.!+]*)\s+(?P<build>\w+)(?:\s+(?P<channel>\S+))?", line
    )
    if not match or not (match["channel"] or "_" in match["build"]):
        return []
    if match["channel"] == "pypi":
        return [Installed(ArtifactKind.WHEEL, canonicalize_name(match["name"]), match["version"])]
    return [Installed(ArtifactKind.CONDA, match["name"], match["version"], build=match["build"])]


def _nothing(_: str, __: _Reading) -> list[Installed]:
    return []


_Form = Callable[[str, _Reading], list[Installed]]
_FORMS: tuple[_Form, ...] = (_deb, _dpkg_query, _apt, _dnf, _conda_url, _pip, _conda, _rpm, _collected)
_TABLES: dict[str, _Form] = {"pip": _columns, "conda": _columns, "other": _nothing}
_HEADERS = {
    "conda": r"# packages in environment at|#?\s*(?:Name|Package)\s+Version\s+Build\b|List of packages in environment",
    "pip": r"Package\s+Version\b",
    "other": r"(?:\|\|/ Name|Installed Packages|@EXPLICIT|Listing\.\.\.|dependencies:|\s+- pip:)",
}


def _from_json(text: str) -> list[Installed]:
    """Read ``pip list --format=json``, ``pip inspect``, ``conda list --json`` or ``conda env export --json``."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if isinstance(data, dict):
        data = data.get("installed") or data.get("dependencies") or data.get("packages")
    return list(_json_rows(data)) if isinstance(data, list) else []


def _json_rows(rows: list[Any]) -> Iterator[Installed]:
    for one in rows:
        if isinstance(one, str):
            yield from _conda(one, _Reading())
        elif isinstance(one, dict) and isinstance(one.get("pip"), list):
            yield from (found for line in map(str, one["pip"]) for found in _pip(line, _Reading()))
        elif isinstance(one, dict):
            row = one["metadata"] if isinstance(one.get("metadata"), dict) else one
            name, version = row.get("name"), row.get("version")
            if isinstance(name, str) and isinstance(version, str) and name and version:
                yield _json_package(row, name, version)


def _json_package(row: dict[str, Any], name: str, version: str) -> Installed:
    if "build_string" in row and row.get("channel") != "pypi":
        return Installed(ArtifactKind.CONDA, name, version, build=str(row["build_string"]))
    return Installed(ArtifactKind.WHEEL, canonicalize_name(name), version)
