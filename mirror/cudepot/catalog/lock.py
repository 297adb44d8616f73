"""``cudepot.lock`` as values: what the pins resolved to, every artifact by hash. Format: ``docs/formats.md``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from cudepot.catalog.ecosystems import APT, SYSTEM_KINDS, YUM, ArtifactKind, Output, Row, row_for, row_of_type, rows
from cudepot.catalog.unsolvable import Allowed
from cudepot.digest import Digest
from cudepot.errors import FormatError, PinError
from cudepot.formats.release import Release

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+~^:%@{}=-]*")
"""What names, versions and architectures of debs and rpms consist of, the odd ones included."""


class FileRole(StrEnum):
    """What a file of a whole mirror is: signed, named by something signed, or known by its hash in the lock only."""

    ROOT = "root"
    INDEX = "index"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class Root:
    """The signed (or, for a wheel index, merely hashed) top of an upstream's index chain.

    Attributes:
        path: below the upstream's URL.
        date: the ``Date`` of a Release file as it is written there; empty where there is none.
        signers: full fingerprints whose signature held; empty for an unsigned root.
        signature: the detached signature, where it is a document of its own.
    """

    path: str
    digest: Digest
    date: str = ""
    signers: tuple[str, ...] = ()
    signature: Digest | None = None


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file of an upstream that is mirrored whole, published as it is; its packages stand in the index.

    Attributes:
        path: below the upstream's URL, and below its folder on the site.
        role: a ``FileRole``; of an rpm repository's ``metadata`` the type that repomd.xml tells.
    """

    path: str
    role: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Replaced:
    """A package of a whole mirror whose change was accepted: its path, and both sha256."""

    path: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class LockedUpstream:
    """What an upstream looked like when the lock was made.

    Attributes:
        request: sha256 over the upstream's settings and its pins: another request needs another resolution.
        origin, label, suite, codename: fields of the Release file that clients' pins refer to.
        external: dependencies that this upstream does not offer: the distribution has to.
        files: of an upstream that is mirrored whole: all but its packages; empty for others.
        replaced: of an upstream that is mirrored whole: published packages whose other bytes were accepted.
        spelled: of an apt upstream that is mirrored whole: file names of its index that are no plain paths
            (``pool//x.deb``): clients ask for just these.
        removed: of a channel that is mirrored whole: ``SUBDIR/FILE`` of packages that it has taken out of its index.
        metadata: of a yum upstream that is not: what its subset is made from; the role is the type in repomd.xml.
    """

    name: str
    type: str
    url: str
    request: str
    roots: tuple[Root, ...] = ()
    origin: str = ""
    label: str = ""
    suite: str = ""
    codename: str = ""
    external: tuple[str, ...] = ()
    files: tuple[LockedFile, ...] = ()
    metadata: tuple[LockedFile, ...] = ()
    replaced: tuple[Replaced, ...] = ()
    spelled: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def is_yum(self) -> bool:
        """Whether it is a yum repository, be it one inside an installer."""
        return self.row is YUM

    @property
    def row(self) -> Row:
        """The ecosystem of the repository it is shown as: of its type, or of an installer that of the root in it."""
        begins = {one.path for one in self.roots}
        inside = (one for one in rows() if one.root_folder and not begins.isdisjoint(one.root_paths))
        return row_of_type(self.type) or next(inside, APT)


@dataclass(frozen=True, slots=True)
class Attested:
    """What vouches for an artifact in a file of its own: where the upstream has it, and its bytes."""

    path: str
    digest: Digest


class BuiltFrom(NamedTuple):
    """What an artifact was made of here, because its upstream has the source alone.

    Attributes:
        digest: the source, which the upstream has at the artifact's ``path``.
        python: version of the Python that built it, ``3.11``.
        requires: what it was built with, each ``UPSTREAM/FILE`` of a locked artifact.
        again: whether two builds gave the same bytes, so that any machine can make it again.
    """

    digest: Digest
    python: str
    requires: tuple[str, ...] = ()
    again: bool = True


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file as its upstream publishes it, or as it was built from what its upstream publishes.

    Attributes:
        kind: an ``ArtifactKind``, or what a row that was registered says.
        version: as the ecosystem writes it; of an rpm ``EPOCH:VERSION-RELEASE``, without epoch where that is 0.
        path: where the upstream has it: relative to its URL, or an absolute URL.
        filename: the name it is published under; never a path, but for a conda package's ``SUBDIR/FILE``.
        why: ``pin``, ``needed by NAME``, or ``environment`` for what no pin asks for.
        recipe, release: set when it is to be repackaged.
        replaces: sha256 the same name and version had before; the change was accepted when the lock was made.
        holds: of a local-repo installer the packages it brings, each as ``NAME VERSION``.
        uploaded: when a wheel came to its index (RFC 3339, UTC); empty where that does not say.
        yanked: why the index withdrew it, which may be empty; None where it did not.
        requires: of a file of an environment the requirements that its ecosystem follows, markers included.
        record: of a conda package what its channel says of it, as JSON; with ``run_exports``, where these are known.
        provenance: of a wheel the attestations its index has of it (PEP 740), of a conda package those that its record
            names (CEP 50); published beside it.
        built: what it was made of; None for what is as its upstream publishes it.
    """

    upstream: str
    kind: str
    name: str
    version: str
    architecture: str
    path: str
    filename: str
    digest: Digest
    why: str = "pin"
    outputs: tuple[str, ...] = (Output.MIRROR,)
    recipe: str = ""
    release: Release | None = None
    replaces: str = ""
    holds: tuple[str, ...] = ()
    uploaded: str = ""
    yanked: str | None = None
    requires: tuple[str, ...] = ()
    record: str = ""
    provenance: Attested | None = None
    built: BuiltFrom | None = None

    @property
    def is_of_environment(self) -> bool:
        """Whether environments alone ask for it."""
        return self.why == ENVIRONMENT or self.why.startswith(BUILDS)

    @property
    def is_mirrored(self) -> bool:
        """Whether it is published as it is."""
        return Output.MIRROR in self.outputs

    @property
    def site_path(self) -> str:
        """Where the site has it when it is published as it is."""
        return row_for(self.kind).folder(self.upstream) + self.filename

    def __post_init__(self) -> None:
        """Raise FormatError when a package is called what clients' files and commands could take for more than a name.

        A line break makes another line of preferences or of a Dockerfile, a leading ``-`` an option.
        """
        named = (self.name, self.version, self.architecture) if self.kind in SYSTEM_KINDS else ()
        for text in (*named, *(word for one in self.holds for word in one.split(" "))):
            if text and not _WORD.fullmatch(text):
                raise FormatError(f"{self.filename[:200]!r}: {text[:80]!r} is not a name, version or architecture")


ENVIRONMENT = "environment"
"""``why`` of an artifact that no pin asks for."""
BUILDS = "builds "
"""How ``why`` begins of what is there to build a file of an environment with, and is not published."""


class Member(NamedTuple):
    """A file of a target.

    Attributes:
        upstream, filename: the artifact.
        marker: where it holds (PEP 508), if not on all machines that the target means.
    """

    upstream: str
    filename: str
    marker: str = ""


class LockedTarget(NamedTuple):
    """What an environment comes to on one sort of machine.

    Attributes:
        name: ``linux-64-py3.12``; unique in its environment, and fit for a file's name.
        fields: what sort of machine: ``platform``, ``python``, ``glibc``, and what else its kind tells apart.
        members: its files.
        roots: what was asked for on such machines alone, beside what was for all.
        external: of debs and rpms: what was asked for that the machine has before, and dependencies that this meets,
            as the ecosystem writes them.
    """

    name: str
    fields: tuple[tuple[str, str], ...]
    members: tuple[Member, ...]
    roots: tuple[str, ...] = ()
    external: tuple[str, ...] = ()


class LockedEnvironment(NamedTuple):
    """What one kind of packages of an environment was resolved to; name and kind tell it from others.

    Attributes:
        name: the environment's.
        kind: as the registry of kinds names it.
        request: sha256 over all that was asked: another request needs another resolution.
        roots: the requirements that were asked for, as the ecosystem writes them.
        targets: the solution for each.
        overrides: requirements that took the place of what packages ask for: who asks again has to know them.
    """

    name: str
    kind: str
    request: str
    roots: tuple[str, ...]
    targets: tuple[LockedTarget, ...]
    overrides: tuple[str, ...] = ()

    @property
    def places(self) -> dict[tuple[str, str], None]:
        """Upstream and file name of all members, each once, in their order."""
        return dict.fromkeys((one.upstream, one.filename) for target in self.targets for one in target.members)


Resolved = tuple[LockedUpstream, tuple[Artifact, ...]]
"""What the pins of one upstream mean: the upstream as it looked, and its artifacts."""


@dataclass(frozen=True, slots=True)
class Lock:
    """All of cudepot.lock."""

    upstreams: tuple[LockedUpstream, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    accepted_eula: tuple[str, ...] = ()
    allowed_unsolvable: tuple[Allowed, ...] = ()
    environments: tuple[LockedEnvironment, ...] = ()

    def environment(self, name: str, kind: str) -> LockedEnvironment | None:
        """Return what is locked of one kind of packages of an environment, if anything."""
        return next((one for one in self.environments if (one.name, one.kind) == (name, kind)), None)

    def files_of(self, environment: LockedEnvironment) -> tuple[Artifact, ...] | None:
        """Return the files of an environment, each once; None where one of them is not there."""
        return self._named(environment.places)

    def builders_of(self, artifacts: Iterable[Artifact]) -> tuple[Artifact, ...] | None:
        """Return what some of these artifacts were built with, each once; None where one of that is not there."""
        named = (text.rpartition("/") for one in artifacts if one.built for text in one.built.requires)
        return self._named((upstream, filename) for upstream, _, filename in named)

    def _named(self, names: Iterable[tuple[str, str]]) -> tuple[Artifact, ...] | None:
        wanted = list(dict.fromkeys(names))
        there = {(one.upstream, one.filename): one for one in self.artifacts} if wanted else {}
        return tuple(there[one] for one in wanted) if all(one in there for one in wanted) else None

    def upstream(self, name: str) -> LockedUpstream | None:
        """Return what is locked of the upstream of that name, if anything."""
        return next((one for one in self.upstreams if one.name == name), None)

    def has_rpms(self, upstream: LockedUpstream) -> bool:
        """Return whether an upstream has rpms: it is a yum repository, or such files are among its own."""
        return upstream.is_yum or any(one.kind == ArtifactKind.RPM for one in self.of(upstream.name))

    def of(self, upstream: str) -> tuple[Artifact, ...]:
        """Return the artifacts of one upstream in their order."""
        return tuple(one for one in self.artifacts if one.upstream == upstream)


def check_filenames(artifacts: Sequence[Artifact]) -> None:
    """Refuse two packages that one flat repository cannot hold: their names are the same, their bytes are not.

    A file's name leaves out the epoch, so two versions may differ in nothing else.

    Raises:
        PinError: there are such two.
    """
    seen: dict[str, Artifact] = {}
    for one in artifacts:
        shown = one.kind == ArtifactKind.DEB and one.is_mirrored
        first = seen.setdefault(one.filename, one) if shown else one
        if first.digest != one.digest:
            raise PinError(
                f"{one.name} {first.version} and {one.version} are both called {one.filename} and differ",
                hint="pin only one of them: a flat repository holds a file name once",
            )
