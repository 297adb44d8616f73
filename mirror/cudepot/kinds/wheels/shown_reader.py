"""What cudepot has read of the indexes, in the form in which resolving asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from cudepot.formats.simple import IndexFile
from cudepot.kinds.wheels.index_reader import IndexReader
from cudepot.kinds.wheels.rules.reading import Placeholder


class ShownReader:
    """Gives wheels and sdists side by side: which versions need a build is for the resolving to find.

    Args:
        reader: reads the indexes.
        built: gives the METADATA of the wheel that is made of a project's sdist.
        projects: normalised names of the projects whose sdists are built; of others an sdist says what it requires.
    """

    def __init__(
        self,
        reader: IndexReader,
        built: Callable[[str, IndexFile], bytes] | None = None,
        projects: Collection[str] = (),
    ) -> None:
        self._reader, self._built, self._projects = reader, built, projects
        self._standing_for: dict[str, Placeholder] = {}
        self._noting = threading.Lock()

    def files(self, project: str) -> Sequence[IndexFile] | None:
        """Return the wheels and sdists of a project; None where there is no such project."""
        found = self._reader.files(project)
        return None if found is None else tuple(self._with_sources(project, found))

    def metadata(self, file: IndexFile) -> bytes:
        """Return the METADATA of a wheel; of an sdist what it says, or what a wheel built of it would."""
        if self._built and (project := _sdist_of(file)) in self._projects:
            return self._built(project, file)
        with self._noting:
            shown = self._standing_for.get(file.filename, file)
        return self._reader.metadata(shown)

    def _with_sources(self, project: str, files: Sequence[IndexFile]) -> Iterator[IndexFile]:
        versions = dict.fromkeys(_version(one.filename) for one in files if not isinstance(one, Placeholder))
        for one in files:
            if isinstance(one, Placeholder):
                with self._noting:
                    self._standing_for[one.sdist.filename] = one
                yield one.sdist
            else:
                yield one
        for version in versions:
            if version and (sdist := self._reader.sdist_of(project, version)):
                yield sdist


def _sdist_of(file: IndexFile) -> str:
    """Return the project of an sdist; empty for any other file."""
    try:
        return parse_sdist_filename(file.filename)[0]
    except (InvalidSdistFilename, InvalidVersion):
        return ""


def _version(filename: str) -> Version | None:
    try:
        return parse_wheel_filename(filename)[1]
    except (InvalidWheelFilename, InvalidVersion):
        return None
