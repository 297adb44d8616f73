"""Makes wheels of sdists for an environment that says so (``build = [...]``).

What a build requires is resolved as environments are, over the same reading of the indexes, and locked. One sdist
gives one wheel for all targets that take it: whoever locks again with the same sdist keeps the wheel.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from packaging.utils import parse_wheel_filename

from cudepot.builders.wheel_build import Interpreter, find_interpreter
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import BUILDS, ENVIRONMENT, Artifact, BuiltFrom, Lock
from cudepot.depot.depot import Depot
from cudepot.depot.fetch import Wanted, fetch_all
from cudepot.digest import Digest
from cudepot.errors import BuildError, PinError
from cudepot.formats.simple import IndexFile
from cudepot.formats.wheel_read import read_metadata
from cudepot.kinds.wheels.artifact import wheel_artifact
from cudepot.kinds.wheels.built_memory import built_before, note_built
from cudepot.kinds.wheels.hashes import Hashes
from cudepot.kinds.wheels.resolve import resolve
from cudepot.kinds.wheels.rules.built_wheel import (
    check_glibc,
    check_name,
    check_platform,
    differing,
    fits,
    is_for_this_machine,
    unfit,
    version_of,
)
from cudepot.kinds.wheels.rules.core_metadata import resolver_fields
from cudepot.kinds.wheels.rules.fitting import takes
from cudepot.kinds.wheels.rules.located import located
from cudepot.kinds.wheels.rules.question import Chosen, Preferred, Question
from cudepot.kinds.wheels.rules.select import Wheel
from cudepot.kinds.wheels.rules.target import Target
from cudepot.kinds.wheels.sdist_build import (
    Source,
    Workplace,
    build,
    files_of,
    libraries_of,
    requirements_of,
    this_machine,
)
from cudepot.kinds.wheels.sdist_rebuild import remake
from cudepot.kinds.wheels.uv_index import Reader
from cudepot.temporary import temporary_folder

Made = tuple[Artifact, ...]
"""A wheel that was built, then the wheels it was built with."""


class Builder:
    """Builds the wheels of one environment; several threads may ask, one build is run at a time.

    Args:
        depot: the depot.
        reader: reads the indexes, and builds nothing.
        owner: the upstream of a project, by its normalised name.
        before: what is locked.
        pythons: those that wheels are wanted for, ``3.12`` or the like: they build what the running one is not for.
    """

    def __init__(
        self,
        depot: Depot,
        reader: Reader,
        owner: Callable[[str], Upstream],
        before: Lock,
        pythons: Sequence[str] = (),
    ) -> None:
        self._depot, self._reader, self._owner, self._before = depot, reader, owner, before
        self._pythons = pythons
        self._turn = threading.Lock()
        self._sources: dict[str, Source] = {}
        self._made: dict[str, list[Made]] = {}
        self._hashes: dict[str, Hashes] = {}

    def metadata(self, project: str, file: IndexFile) -> bytes:
        """Return the METADATA of the wheel of an sdist, built now unless it is locked and here.

        Args:
            project: normalised name.
            file: the sdist.

        Raises:
            BuildError: no wheel can be made of it.
            PinError: its build requirements cannot be met.
            CudepotError: it cannot be fetched.
        """
        with self._turn:
            known = self._known(project, file)
            made = known[0] if known else self._build(project, file, self._first_python(file))
            if not self._depot.store.has(made[0].digest):
                self._bring(made)
            return self._metadata(made[0])

    def artifacts(self, chosen: Chosen, target: Target) -> Made:
        """Return the wheel of an sdist that a target takes, then the wheels it was built with; none is published.

        Raises:
            BuildError: no wheel can be made of it that the target takes.
            CudepotError: as for :meth:`metadata`.
        """
        with self._turn:
            known = self._known(chosen.project, chosen.file)
            found = next((one for one in known if fits(one[0].filename, target)), None)
            made = found or self._for(chosen, target)
            self._check(made, target, chosen.file.filename)
            return made

    def _for(self, chosen: Chosen, target: Target) -> Made:
        """Build for a target which no wheel that was built so far fits."""
        what, project = chosen.file.filename, chosen.project
        for python in self._builders(chosen.file, target):
            if all(one[0].built and one[0].built.python != python.minor for one in self._known(project, chosen.file)):
                made = self._build(project, chosen.file, python)
                if fits(made[0].filename, target):
                    self._check_same(project, chosen.file, what)
                    return made
        last = self._known(project, chosen.file)[-1][0]
        check_platform(target, this_machine(_running()), what)
        exact = find_interpreter("{}.{}".format(*target.minor))
        raise unfit(last.filename, target, what, exact.version if exact else "")

    def _first_python(self, file: IndexFile) -> Interpreter:
        """Return the running Python, or one of those asked for if the sdist is not for it."""
        others = (one for minor in self._pythons if (one := find_interpreter(minor)))
        every = (_running(), *others)
        return next((one for one in every if takes(file.requires_python, one.version)), _running())

    def _builders(self, file: IndexFile, target: Target) -> Iterator[Interpreter]:
        """Give the Pythons that build for a target: one whose wheel may be for any; then one of its own."""
        yield self._first_python(file)
        if exact := find_interpreter("{}.{}".format(*target.minor)):
            yield exact

    def _known(self, project: str, file: IndexFile) -> list[Made]:
        """Return what was made of an sdist: in this run, or as it is locked; each wheel with what built it."""
        if file.filename not in self._made:
            digest, upstream = self._source(project, file).digest, self._owner(project)
            before = built_before(self._depot.store, digest, upstream.name, located(upstream, file.url))
            self._made[file.filename] = list(self._locked(digest)) or [one for one in before if self._still(one)]
        return self._made[file.filename]

    def _still(self, made: Made) -> bool:
        """Return whether what was built before can be had: it is here, or can be made again."""
        there = {one.name for one in self._depot.config.upstreams}
        again = made[0].built is not None and made[0].built.again
        return (again or self._depot.store.has(made[0].digest)) and all(one.upstream in there for one in made)

    def _locked(self, digest: Digest) -> Iterator[Made]:
        for one in self._before.artifacts:
            if one.built and one.built.digest == digest:
                with_what = self._before.builders_of([one])
                if with_what is not None:
                    yield one, *with_what

    def _source(self, project: str, file: IndexFile) -> Source:
        """Return an sdist with its digest, which may have to be learnt."""
        if file.filename not in self._sources:
            upstream = self._owner(project)
            digest = self._hash(upstream).digest(located(upstream, file.url), file, threading.Event())
            self._sources[file.filename] = Source(file.filename, digest)
        return self._sources[file.filename]

    def _hash(self, upstream: Upstream) -> Hashes:
        if upstream.name not in self._hashes:
            before = [one for one in self._before.of(upstream.name) if not one.built]
            source = self._depot.source(upstream)
            self._hashes[upstream.name] = Hashes(self._depot.store, self._depot.progress, source, {}, before)
        return self._hashes[upstream.name]

    def _build(self, project: str, file: IndexFile, python: Interpreter) -> Made:
        """Build a wheel twice, and note it."""
        upstream, source = self._owner(project), self._source(project, file)
        path = located(upstream, file.url)
        self._fetch([Wanted(self._depot.source(upstream), path, source.digest)])
        self._depot.progress.say(f"building a wheel from {file.filename} with Python {python.version}")
        requires, (filename, digest) = self._first(project, source, python)
        version = version_of(file.filename)
        check_name(filename, project, version, file.filename)
        again = self._again(source, python, requires, digest)
        tags = sorted({one.platform for one in parse_wheel_filename(filename)[3]})
        with_what = tuple(f"{one.upstream}/{one.filename}" for one in requires)
        artifact = Artifact(
            upstream.name, ArtifactKind.WHEEL, project, version, ",".join(tags), path, filename, digest,
            why=ENVIRONMENT, uploaded=file.uploaded, yanked=file.reason if file.yanked else None,
            built=BuiltFrom(source.digest, python.minor, with_what, again=again),
        )  # fmt: skip
        self._known(project, file).append(made := (artifact, *requires))
        note_built(self._depot.store, source.digest, self._known(project, file))
        return made

    def _first(self, project: str, source: Source, python: Interpreter) -> tuple[Made, tuple[str, Digest]]:
        """Build once; return the wheels of what the build requires, and the wheel."""
        asked = requirements_of(self._depot.store, source)
        requires = self._resolved(project, source, asked, python)
        with Workplace(self._depot.store, source, python) as place:
            place.install(_contents(requires))
            more = set(place.requires()) - set(asked)
            if not more:
                return requires, place.wheel()
        every = self._resolved(project, source, (*asked, *sorted(more)), python)
        return every, build(self._depot.store, source, python, _contents(every))

    def _again(self, source: Source, python: Interpreter, requires: Made, first: Digest) -> bool:
        """Build once more and return whether the bytes are the same; if not, say what differs."""
        filename, second = build(self._depot.store, source, python, _contents(requires))
        if second == first:
            return True
        files = [files_of(self._depot.store, one, filename) for one in (first, second)]
        self._depot.progress.say(
            f"{filename}: two builds of {source.filename} differ ({differing(*files)}): no other machine can "
            "reproduce it; "
            "only this store and bundles have it"
        )
        return False

    def _resolved(self, project: str, source: Source, requires: Sequence[str], python: Interpreter) -> Made:
        """Return the wheels of what a build requires, which are in the store afterwards."""
        if not requires:
            return ()
        here = this_machine(python)
        question = Question(tuple(requires), (here,), preferred=tuple(self._preferred(project, here)))
        try:
            with temporary_folder() as scratch:
                found = resolve(question, self._reader, scratch)[here]
        except PinError as error:
            raise error.retold(f"{source.filename}: its build requirements cannot be met: {error}") from error
        wheels = tuple(self._wheel(project, one) for one in found)
        self._bring(wheels)
        return wheels

    def _preferred(self, project: str, here: Target) -> Iterator[Preferred]:
        """Give the versions that built an earlier version of the project."""
        for one in self._before.artifacts:
            if one.built and one.name == project:
                with_what = self._before.builders_of([one]) or ()
                yield from (Preferred(each.name, each.version, here) for each in with_what)

    def _wheel(self, project: str, chosen: Chosen) -> Artifact:
        upstream, file = self._owner(chosen.project), chosen.file
        _, version, build_tag, tags = parse_wheel_filename(file.filename)
        wheel = Wheel(file, version, build_tag, tags)
        found = wheel_artifact(upstream, chosen.project, wheel, self._hash(upstream), threading.Event())
        return replace(found, why=f"{BUILDS}{project}", outputs=())

    def _bring(self, artifacts: Made) -> None:
        """Have artifacts in the store: fetch them, or build again what was built."""
        plain = [one for one in artifacts if not one.built]
        sources = {one.upstream: self._depot.source(self._depot.config.upstream(one.upstream)) for one in plain}
        self._fetch([Wanted(sources[one.upstream], one.path, one.digest) for one in plain])
        for one in artifacts:
            if one.built and not self._depot.store.has(one.digest):
                source = self._depot.source(self._depot.config.upstream(one.upstream))
                self._fetch([Wanted(source, one.path, one.built.digest)])
                remake(self._depot, one, artifacts[1:])

    def _fetch(self, wanted: Sequence[Wanted]) -> None:
        fetch_all(wanted, self._depot.store, self._depot.progress)

    def _metadata(self, artifact: Artifact) -> bytes:
        with self._depot.store.open(artifact.digest) as stream:
            return read_metadata(stream, what=artifact.filename)

    def _check_same(self, project: str, file: IndexFile, what: str) -> None:
        """Raise BuildError where wheels of one sdist ask for different things: the resolver has seen one of them."""
        first, *others = [one[0] for one in self._known(project, file)]
        for one in others:
            if resolver_fields(self._metadata(first)) != resolver_fields(self._metadata(one)):
                raise BuildError(
                    f"{what}: {first.filename} and {one.filename} from it have different requirements",
                    hint="use a separate environment for each Python",
                )

    def _check(self, made: Made, target: Target, what: str) -> None:
        """Raise BuildError where the tags of a wheel do not say of what glibc it is, and it is too new."""
        artifact = made[0]
        if is_for_this_machine(artifact.filename):
            if not self._depot.store.has(artifact.digest):
                self._bring(made)
            libraries = libraries_of(self._depot.store, artifact.digest, artifact.filename)
            check_glibc(libraries, artifact.filename, target, what)


def _contents(artifacts: Made) -> dict[str, Digest]:
    """Return file name → content."""
    return {one.filename: one.digest for one in artifacts}


def _running() -> Interpreter:
    found = find_interpreter()
    assert found is not None
    return found
