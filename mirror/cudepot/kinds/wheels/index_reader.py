"""cudepot's own reading of Python indexes, which a resolver is shown in place of them.

One index owns a project, and no other is asked for it. What is missing or hidden (404, 403), came after the cut-off,
is a stub or a lie is dealt with here, so that the resolver sees one clean index with METADATA for every wheel.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from cudepot.catalog.config.upstream import Upstream
from cudepot.depot.depot import SourceOf
from cudepot.depot.fetch import in_threads
from cudepot.depot.root_memory import RootMemory
from cudepot.digest import Digest
from cudepot.errors import CudepotError, MissingError, PinError
from cudepot.formats.sdist_read import Sdist, read_sdist
from cudepot.formats.simple import IndexFile, parse_page, project_name, rfc3339
from cudepot.kinds.unsigned_index import check_transport
from cudepot.kinds.wheels.environment import KIND
from cudepot.kinds.wheels.lock import PAGE_LIMIT
from cudepot.kinds.wheels.metadata_reader import MetadataReader
from cudepot.kinds.wheels.once import Once
from cudepot.kinds.wheels.owners import Owners
from cudepot.kinds.wheels.rules.core_metadata import as_metadata, no_metadata
from cudepot.kinds.wheels.rules.shown import Shown, project_and_version, shown
from cudepot.kinds.wheels.rules.stubs import MOST_OF_STUB, NVIDIA, Stub, stub_of
from cudepot.ports import Page, Progress
from cudepot.store.local import LocalStore

_AT_A_TIME = 16  # requests
NO_PAGE = Digest.of(b"")
"""Stands for the page of a project that an index does not have."""


class _Read(NamedTuple):
    """A project as it was read: whose it is, and what is shown of it; None where that index has no such project."""

    upstream: Upstream
    shown: Shown | None


class IndexReader:
    """Reads projects and METADATA, each once; threads may share it.

    Files that an ``exclude-newer`` leaves out are those of then or later, and those of which the page does not say
    when they came: uv takes them for not there as well, since nobody knows whether they were.

    Args:
        store: keeps pages, METADATA, and files that had to be fetched whole.
        progress: is told what is odd.
        source: opens an upstream.
        owners: the indexes, and which project is whose.
    """

    def __init__(self, store: LocalStore, progress: Progress, source: SourceOf, owners: Owners) -> None:
        self._store, self._progress, self._owners = store, progress, owners
        self._source = Once(source)  # threads that come first at once would each open an upstream
        self._before = rfc3339(owners.wanted.exclude_newer)
        self._gate = threading.Semaphore(_AT_A_TIME)
        self._metadata = MetadataReader(store, progress, self._source, self._gate)
        self._memories = Once(self._memory)
        self._pages = Once(self._page)
        self._projects = Once(self._project)
        self._texts = Once(self._text)
        self._asked: dict[tuple[str, str], Digest] = {}
        self._undated: set[str] = set()
        self._noting = threading.Lock()
        self._wanted: Callable[[str], bool] = lambda _: True

    def only(self, wanted: Callable[[str], bool]) -> None:
        """Leave wheels whose names are refused out of :meth:`files` from now on: most are for other machines.

        One of each version stays: it tells that there are wheels, and its METADATA stands for the version.
        """
        self._wanted = wanted

    # what a resolver asks

    def files(self, project: str) -> Sequence[IndexFile] | None:
        """Return the wheels of a project that are wanted, and the sources of each version that has some.

        Returns:
            None where the index that owns the project has none of that name.

        Raises:
            UpstreamError: the index cannot be reached.
            FormatError: its page is none.
            TrustError: its page contradicts itself, or comes over plain http.
        """
        found = self._projects(project_name(project)).shown
        return None if found is None else found.files

    def every(self, project: str) -> Sequence[IndexFile] | None:
        """Return all files of a project, with the wheels that are not wanted; as :meth:`files` else."""
        name = project_name(project)
        found = self._shown(self._projects(name).upstream, name, every=True)
        return None if found is None else found.files

    def metadata(self, file: IndexFile) -> bytes:
        """Return the METADATA of a file that :meth:`files` gave; of sources, what they say of the wheel they make.

        Raises:
            UpstreamError: it is not available.
            TrustError: what had to be read whole is not what the index promises.
            FormatError: no wheel or sdist.
            PinError: a stub, whose wheels are on an index that cudepot.toml does not have.
        """
        return self._texts(file)

    def upstream_of(self, project: str) -> str:
        """Return the name of the upstream that a project's files come from; raise as :meth:`files` does."""
        return self._projects(project_name(project)).upstream.name

    # what those ask who lock the answer

    @property
    def asked(self) -> Mapping[tuple[str, str], Digest]:
        """Every page that was read, by upstream and path; :data:`NO_PAGE` for one that is not there."""
        with self._noting:
            return dict(sorted(self._asked.items()))

    def unchanged(self, before: Mapping[tuple[str, str], Digest]) -> bool:
        """Return whether pages are as they were: all are asked for, several at once, and none is taken apart.

        Raises:
            CudepotError: one could not be read.
        """

        def read(key: tuple[str, str], stop: threading.Event) -> None:  # noqa: ARG001
            self._pages(key)

        known = [one for one in before if one[0] in self._owners.every]
        failed = in_threads(known, read, _AT_A_TIME)
        if failed:
            raise failed[0][1]
        return len(known) == len(before) and all(self._asked.get(key) == digest for key, digest in before.items())

    def save(self) -> None:
        """Keep the pages and METADATA that were read, for the next time."""
        with self._noting:
            names = {name for name, _ in self._asked}
        with self._store.gathering():
            for name in sorted(names):
                self._memories(name).save()
        self._metadata.save()

    # how it is read

    def _memory(self, name: str) -> RootMemory:
        check_transport(self._owners.every[name])
        return RootMemory.load(self._store, self._owners.every[name])

    def _page(self, key: tuple[str, str]) -> Page | None:
        """Read a page, by upstream and path; None where it is not there, or hidden."""
        name, path = key
        memory = self._memories(name)
        try:
            with self._gate:
                page, digest = memory.read(self._source(self._owners.every[name]), path, limit=PAGE_LIMIT)
        except MissingError:
            page, digest = None, NO_PAGE
        with self._noting:
            self._asked[key] = digest
        return page

    def _project(self, name: str) -> _Read:
        """Read a project; one of stubs from the index that these name, where there is one of that URL."""
        upstream = self._owners.of(name)
        found = self._shown(upstream, name)
        while found is not None and (newest := found.newest_sources) is not None:
            stub = self._stub(upstream, found.sdists[newest])
            if stub is None:
                break
            if stub.backend:
                other = self._owners.at(stub.index_url)
                return _Read(upstream, found) if other is None else self._behind_stub(name, upstream, other)
            found = found.without(newest)
        return _Read(upstream, found)

    def _behind_stub(self, name: str, upstream: Upstream, other: Upstream) -> _Read:
        """Read a project from the index that stubs name in place of its owner, and say so."""
        if other is not upstream:
            self._progress.say(f"{name}: {upstream.name} has only stubs that point to {other.name}: taken from there")
        return _Read(other, self._shown(other, name))

    def _shown(self, upstream: Upstream, name: str, *, every: bool = False) -> Shown | None:
        path = f"{name}/"
        page = self._pages((upstream.name, path))
        if page is None:
            return None
        known: set[str] = set()

        def wanted(filename: str) -> bool:
            if every or self._wanted(filename):
                return True
            release = filename.rsplit("-", 3)[0]
            is_first = release not in known
            known.add(release)
            return is_first

        files = parse_page(page.body, page.content_type, page.url or f"{upstream.url}{path}", wanted)
        found = shown(name, files, upstream, self._before)
        if found.undated:
            self._note_undated(upstream)
        return found

    def _note_undated(self, upstream: Upstream) -> None:
        with self._noting:
            new = upstream.name not in self._undated
            self._undated.add(upstream.name)
        if new:
            self._progress.say(
                f"{upstream.name}: does not say when files were uploaded: they are left out, because "
                "`exclude-newer` is set"
            )

    def _text(self, file: IndexFile) -> bytes:
        name, version = project_and_version(file.filename)
        upstream = self._projects(project_name(name)).upstream
        if file.filename.endswith(".whl"):
            return self._metadata.read(upstream, file)
        sdist = self._sdist(upstream, file)
        stub = stub_of(sdist, what=file.filename)
        if stub is not None:
            if stub.backend:
                raise _missing_index(file, stub)
            return no_metadata(name, version)
        return as_metadata(sdist.pkg_info, name, version)

    def _stub(self, upstream: Upstream, file: IndexFile) -> Stub | None:
        """Return what an sdist of few bytes is a stub of; None for one that is none, or cannot be read now."""
        try:
            size = file.size if file.size is not None else self._metadata.size(upstream, file)
            if size > MOST_OF_STUB:
                return None
            return stub_of(self._sdist(upstream, file), what=file.filename)
        except CudepotError:  # whoever wants that version is told
            return None

    def _sdist(self, upstream: Upstream, file: IndexFile) -> Sdist:
        with self._metadata.whole(upstream, file) as handle:
            return read_sdist(handle, what=file.filename)


def _missing_index(file: IndexFile, stub: Stub) -> PinError:
    return PinError(
        f"{file.filename} is a stub: building it fetches the wheel from {stub.index_url}, which is not one of "
        "the upstreams",
        hint="add an [[upstream]] with "
        + (f'type = "{KIND}" and url = "{stub.index_url}"' if stub.index_url != NVIDIA else 'preset = "nvidia/pypi"'),
    )
