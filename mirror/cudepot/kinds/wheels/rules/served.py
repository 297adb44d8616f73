"""What the resolver is shown of a project: one clean page of wheels, made of the files that cudepot has read.

The resolver decides versions and never gets a byte of a file, so a page leaves out what no target could take, hashes
and times. A version that lacks wheels for some target, and has a source, is shown with a *placeholder*, a wheel that
does not exist: the resolution goes on as it would with the source, and all that lack a wheel are named together
afterwards. Without a source the resolver looks for another version, as pip would on such a machine.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote

from packaging.utils import canonicalize_name, parse_sdist_filename
from packaging.version import Version

from cudepot.formats.simple import IndexFile
from cudepot.kinds.wheels.rules.fitting import fitting
from cudepot.kinds.wheels.rules.target import Target

_WHEEL = ".whl"
_MOST_DIGITS = 18  # of a build number


class Entry(NamedTuple):
    """A wheel on a page: the file, its build tag (number, rest) and its tags as its name has them."""

    file: IndexFile
    build: tuple[int, str]
    tags: str


@dataclass(slots=True)
class Release:
    """The files of one version.

    Attributes:
        version: which.
        wheels: those that some target could take.
        others: wheels for other machines.
        sdists: sources.
    """

    version: Version
    wheels: list[Entry] = field(default_factory=list)
    others: list[Entry] = field(default_factory=list)
    sdists: list[IndexFile] = field(default_factory=list)

    def behind(self) -> IndexFile:
        """Return the file whose METADATA stands for a placeholder: wheels come before sources, withdrawn ones last."""
        files = [*(one.file for one in (*self.wheels, *self.others)), *self.sdists]
        return next((one for one in files if not one.yanked), files[0])


class Served:
    """A project as the resolver sees it.

    Args:
        project: normalised name.
        files: as read; those of other projects, and what nobody can read, are passed over.
        targets: for which machines.

    Attributes:
        releases: by version.
    """

    def __init__(self, project: str, files: Iterable[IndexFile], targets: Sequence[Target]) -> None:
        self.project, self.releases = project, dict[Version, Release]()
        self._fitting = fitting(tuple(targets))
        self._heads: dict[str, tuple[Release, tuple[int, str]] | None] = {}
        for file in files:
            if file.filename.endswith(_WHEEL):
                self._add_wheel(file)
            elif found := _sdist(file, project):
                self._release(found).sdists.append(file)
        self._names = {version: _placeholder(project, version) for version in self.releases}

    def _release(self, version: Version) -> Release:
        return self.releases.setdefault(version, Release(version))

    def _add_wheel(self, file: IndexFile) -> None:
        name, *tags = file.filename[: -len(_WHEEL)].rsplit("-", 3)
        if name not in self._heads:
            self._heads[name] = self._head(name)
        head = self._heads[name]
        if head is not None and len(tags) == 3:
            text = f"{tags[0]}-{tags[1]}-{tags[2]}"
            entry = Entry(file, head[1], text)
            (head[0].wheels if self._fitting.tags(text) else head[0].others).append(entry)

    def _head(self, text: str) -> tuple[Release, tuple[int, str]] | None:
        """Return release and build of the part of a name before its tags; None for another project's, and nonsense."""
        name, _, rest = text.partition("-")
        version, _, build = rest.partition("-")
        if canonicalize_name(name) != self.project or "-" in build:
            return None
        found, number = _version(version), _build(build)
        return None if found is None or number is None else (self._release(found), number)

    def covers(self, release: Release) -> bool:
        """Return whether a version has a wheel for every target."""
        found = 0
        for one in release.wheels:
            found |= self._fitting.tags(one.tags) & self._fitting.pythons(one.file.requires_python)
        return found == self._fitting.every

    def behind(self, filename: str) -> IndexFile | None:
        """Return the file whose METADATA stands for one that may be shown; None for one that never is."""
        return self._behind.get(filename)

    @functools.cached_property
    def _behind(self) -> dict[str, IndexFile]:
        wheels = {one.file.filename: one.file for found in self.releases.values() for one in found.wheels}
        return {self._names[one.version]: one.behind() for one in self.releases.values()} | wheels

    def page(self, files: str, *, lenient: bool = False) -> bytes:
        """Return the page (PEP 691).

        Args:
            files: URL of the folder its links lead to, ending in a slash.
            lenient: whether versions without a source get placeholders too.
        """
        rows = [row for one in self.releases.values() for row in self._rows(one, files, lenient=lenient)]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": self.project, "files": rows}).encode()

    def _rows(self, release: Release, files: str, *, lenient: bool) -> Iterator[dict[str, object]]:
        for one in release.wheels:
            yield _row(one.file.filename, one.file, files)
        name = self._names[release.version]
        is_there = any(one.file.filename == name for one in release.wheels)
        if (release.sdists or lenient) and not is_there and not self.covers(release):
            yield _row(name, release.behind(), files)


def _row(filename: str, file: IndexFile, files: str) -> dict[str, object]:
    row: dict[str, object] = {"filename": filename, "url": files + quote(filename), "hashes": {}}
    row["core-metadata"] = True
    if file.requires_python:
        row["requires-python"] = file.requires_python
    if file.yanked:
        row["yanked"] = file.reason or True
    return row


@functools.lru_cache(maxsize=1 << 16)
def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        return None


def _build(text: str) -> tuple[int, str] | None:
    """Return a build tag as wheels are sorted by it; None where it is none (PEP 427: it begins with a digit)."""
    digits = len(text) - len(text.lstrip("0123456789"))
    return None if (text and not digits) or digits > _MOST_DIGITS else (int(text[:digits] or -1), text[digits:])


def _placeholder(project: str, version: Version) -> str:
    return f"{project.replace('-', '_')}-{version}-py3-none-any{_WHEEL}"


def _sdist(file: IndexFile, project: str) -> Version | None:
    try:
        name, version = parse_sdist_filename(file.filename)
    except ValueError:  # InvalidSdistFilename, InvalidVersion
        return None
    return version if name == project else None
