"""What the resolver is shown of a project: one clean page of wheels, made of the files that cudepot has read.

The resolver decides versions and never gets a byte of a file, so a page leaves out what no target could take, hashes
and times. A version that lacks wheels for some target, and has a source, is shown with a *placeholder*, a wheel that
does not exist: the resolution goes on as it would with the source, and all that lack a wheel are named together
afterwards. Without a source the resolver looks for another version, as pip would on such a machine.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name, parse_sdist_filename
from packaging.version import Version

from cudepot.formats.simple import IndexFile
from cudepot.kinds.wheels.rules.target import Target, tags

_WHEEL = ".whl"
_MOST_DIGITS = 18  # of a build number
_MOST_DOTS = 40  # in the tags of a file name: three sets multiply


@dataclass(frozen=True, slots=True)
class Entry:
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
        """Return the file whose METADATA stands for a placeholder: one that was not withdrawn, if there is one."""
        files = [*(one.file for one in self.wheels), *self.sdists, *(one.file for one in self.others)]
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
        self._targets = tuple(targets)
        for file in files:
            if file.filename.endswith(_WHEEL):
                self._add_wheel(file)
            elif found := _sdist(file, project):
                self._release(found).sdists.append(file)
        self._names = {version: _placeholder(project, version) for version in self.releases}

    def _release(self, version: Version) -> Release:
        return self.releases.setdefault(version, Release(version))

    def _add_wheel(self, file: IndexFile) -> None:
        parts = file.filename.removesuffix(_WHEEL).split("-")
        if len(parts) not in (5, 6) or canonicalize_name(parts[0]) != self.project:
            return
        version, build = _version(parts[1]), _build(parts[2] if len(parts) == 6 else "")
        if version is None or build is None:
            return
        entry, release = Entry(file, build, "-".join(parts[-3:])), self._release(version)
        fits = any(rank(entry.tags, one) is not None for one in self._targets)
        (release.wheels if fits else release.others).append(entry)

    def covers(self, release: Release) -> bool:
        """Return whether a version has a wheel for every target."""
        found = 0
        for one in release.wheels:
            found |= _taking(one.tags, one.file.requires_python, self._targets)
        return found == (1 << len(self._targets)) - 1

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
        placeholder = (release.sdists or lenient) and not self.covers(release)
        for one in release.wheels:
            yield _row(one.file.filename, one.file, files)
        if placeholder:
            yield _row(self._names[release.version], release.behind(), files)


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


@functools.lru_cache(maxsize=1 << 14)
def _tags(text: str) -> frozenset[Tag]:
    """Return the tags that a compressed set means; none for one that nobody could have meant."""
    try:
        return parse_tag(text) if text.count(".") < _MOST_DOTS else frozenset()
    except ValueError:
        return frozenset()


@functools.lru_cache(maxsize=1 << 16)
def rank(text: str, target: Target) -> int | None:
    """Return how well a wheel's tags fit a target, 0 best; None where they do not."""
    order: Mapping[Tag, int] = tags(target)
    return min((order[one] for one in _tags(text) if one in order), default=None)


@functools.lru_cache(maxsize=1 << 16)
def _taking(text: str, requires_python: str, targets: tuple[Target, ...]) -> int:
    """Return the targets that could take a wheel, one bit for each; one patch level of Python is enough."""
    found = 0
    for bit, one in enumerate(targets):
        fits = rank(text, one) is not None
        found |= (fits and any(takes(requires_python, python) for python in _ends(one))) << bit
    return found


def _ends(target: Target) -> tuple[str, ...]:
    return (target.python,) if target.is_exact else (f"{target.python}.0", f"{target.python}.99")


@functools.lru_cache(maxsize=1 << 12)
def takes(requires_python: str, python: str) -> bool:
    """Return whether a version of Python is one of those a file is for; what nobody can read binds nobody."""
    try:
        return not requires_python or SpecifierSet(requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True
