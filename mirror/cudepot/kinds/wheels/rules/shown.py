"""What of a project's page counts: the project's own wheels and sources, each once, as of a cut-off date. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from packaging.version import Version

from cudepot.catalog.config.upstream import Upstream
from cudepot.errors import TrustError, UpstreamError
from cudepot.formats.simple import IndexFile, project_name
from cudepot.kinds.wheels.rules.located import located
from cudepot.urls import is_unprotected

_WHEEL, _SOURCES = ".whl", (".tar.gz", ".zip")


class Shown(NamedTuple):
    """A project as it is read.

    Attributes:
        wheels: in the page's order.
        sdists: the sources of each version that has some.
        newest: the newest version with wheels; None where there is none.
        undated: names of files that the cut-off left out because nobody knows when they came.
    """

    wheels: tuple[IndexFile, ...]
    sdists: Mapping[Version, IndexFile]
    newest: Version | None = None
    undated: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[IndexFile, ...]:
        """Wheels and sources."""
        return (*self.wheels, *self.sdists.values())

    @property
    def newest_sources(self) -> Version | None:
        """The newest version, if that has sources alone."""
        newest = max(self.sdists, default=None)
        return newest if newest and (self.newest is None or newest > self.newest) else None

    def without(self, version: Version) -> Shown:
        """Return the same without the sources of a version."""
        return self._replace(sdists={one: file for one, file in self.sdists.items() if one != version})


def shown(project: str, files: Iterable[IndexFile], upstream: Upstream, before: str = "") -> Shown:
    """Return what is shown of a project (its normalised name).

    Left out are files of other projects or with names nobody can read, links that lead nowhere that is asked, and
    files over plain http without a sha256. With ``before`` (a time as pages have it) so are files that came then or
    later, and, as uv does, those without a time: nobody knows whether they were there.

    Raises:
        TrustError: one file name has two hashes.
    """
    mine = [(one, version) for one, version in _own(project, files) if _is_sound(upstream, one)]
    undated = tuple(one.filename for one, _ in mine if before and not one.uploaded)
    kept = _each_once(one for one in mine if not before or (one[0].uploaded and one[0].uploaded < before))
    wheels: list[IndexFile] = []
    versions: set[Version] = set()
    sdists: dict[Version, IndexFile] = {}
    for one, version in kept:
        if one.filename.endswith(_WHEEL):
            wheels.append(one)
            versions.add(version)
        else:
            sdists.setdefault(version, one)
    return Shown(tuple(wheels), sdists, max(versions, default=None), undated)


def _own(project: str, files: Iterable[IndexFile]) -> Iterator[tuple[IndexFile, Version]]:
    """Give the project's wheels and sdists with their versions."""
    versions: dict[str, Version | None] = {}
    names: dict[str, bool] = {}
    for one in files:
        name, text = project_and_version(one.filename)
        if name not in names:
            names[name] = bool(name) and project_name(name) == project
        if names[name]:
            if text not in versions:
                versions[text] = _version(text)
            if (version := versions[text]) is not None:
                yield one, version


def project_and_version(filename: str) -> tuple[str, str]:
    """Return name and version of a wheel or sdist as its file name spells them; empty ones of any other file."""
    if filename.endswith(_WHEEL):
        parts = filename.split("-")
        return (parts[0], parts[1]) if len(parts) in (5, 6) else ("", "")
    for ending in _SOURCES:
        if filename.endswith(ending):
            name, _, version = filename.removesuffix(ending).rpartition("-")
            return name, version
    return "", ""


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        return None


def _is_sound(upstream: Upstream, one: IndexFile) -> bool:
    """Return whether a file can be asked for, and what comes can be told from anything else."""
    try:
        located(upstream, one.url)
    except (UpstreamError, ValueError):
        return False
    return bool(one.sha256) or not is_unprotected(one.url)


def _each_once(files: Iterable[tuple[IndexFile, Version]]) -> list[tuple[IndexFile, Version]]:
    """Return each file name once, with all that the links to it say together; refuse links that contradict."""
    found: dict[str, tuple[IndexFile, Version]] = {}
    for one, version in files:
        before = found.get(one.filename)
        found[one.filename] = (one if before is None else _joined(before[0], one), version)
    return list(found.values())


def _joined(one: IndexFile, other: IndexFile) -> IndexFile:
    said, says = dict(one.hashes) | {"sha256": one.sha256}, dict(other.hashes) | {"sha256": other.sha256}
    for name in said.keys() & says.keys():
        if said[name] and says[name] and said[name] != says[name]:
            raise TrustError(
                f"{one.filename}: the page gives several hashes for one file name ({name} "
                f"{' and '.join(sorted((said[name], says[name])))})",
                hint="the index contradicts itself: ask whoever runs it, or take the project from another index",
            )
    better, rest = (one, other) if one.sha256 or not other.sha256 else (other, one)
    size = better.size if better.size is not None else rest.size
    dates = [date for date in (one.uploaded, other.uploaded) if date]
    return replace(better, size=size, uploaded=min(dates, default=""), yanked=one.yanked or other.yanked)
