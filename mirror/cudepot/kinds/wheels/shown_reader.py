"""What cudepot has read of the indexes, with what is built of sources in their place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from packaging.utils import InvalidSdistFilename, parse_sdist_filename
from packaging.version import InvalidVersion

from cudepot.formats.simple import IndexFile
from cudepot.kinds.wheels.index_reader import IndexReader


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

    def files(self, project: str) -> Sequence[IndexFile] | None:
        """Return the wheels and sdists of a project; None where there is no such project."""
        return self._reader.files(project)

    def every(self, project: str) -> Sequence[IndexFile] | None:
        """Return the same with the wheels that no target could take."""
        return self._reader.every(project)

    def upstream_of(self, project: str) -> str:
        """Return the name of the index that a project is looked for on."""
        return self._reader.upstream_of(project)

    def metadata(self, file: IndexFile) -> bytes:
        """Return the METADATA of a wheel; of an sdist what it says, or what a wheel built of it would."""
        if self._built and (project := _sdist_of(file)) in self._projects:
            return self._built(project, file)
        return self._reader.metadata(file)


class EveryReader:
    """Gives all wheels and sdists: of what builds a wheel, this machine is the target."""

    def __init__(self, reader: IndexReader) -> None:
        self.files = self.every = reader.every
        self.metadata, self.upstream_of = reader.metadata, reader.upstream_of


def _sdist_of(file: IndexFile) -> str:
    """Return the project of an sdist; empty for any other file."""
    try:
        return parse_sdist_filename(file.filename)[0]
    except (InvalidSdistFilename, InvalidVersion):
        return ""
