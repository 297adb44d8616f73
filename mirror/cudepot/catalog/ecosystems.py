"""The table of ecosystems: what is a package of each, where a site shows it, under which names, known by what. Pure.

Every other table about packages reads this one: what is uploaded first and cached for long, what two snapshots
differ in, which names never get other bytes, what the site's page and exports call things. A kind of upstream that
is added brings its row with :func:`register`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class Ecosystem(StrEnum):
    """The ecosystems that are built in, as reports name them."""

    APT = "apt"
    YUM = "yum"
    CONDA = "conda"
    WHEELS = "wheel"
    FILES = "file"


class ArtifactKind(StrEnum):
    """What an artifact is to those who install it. The first four stand in locks, conda packages are made here."""

    DEB = "deb"
    RPM = "rpm"
    WHEEL = "wheel"
    ARCHIVE = "archive"
    CONDA = "conda"


SYSTEM_KINDS = (ArtifactKind.DEB, ArtifactKind.RPM)
"""What a system's own package manager installs."""


class HeldKind(StrEnum):
    """What a site offers, in the order in which it is listed."""

    CONDA = "conda"
    WHEEL = "wheel"
    SDIST = "sdist"
    DEB = "deb"
    RPM = "rpm"
    FILE = "file"
    INSTALLER = "installer"


class Output(StrEnum):
    """What becomes of an artifact."""

    MIRROR = "mirror"
    CONDA = "conda"
    WHEEL = "wheel"
    CUDA_WHEEL = "cuda-wheel"
    STATIC = "static"


ENVIRONMENTS = "environments"
"""Folder of the site in which each environment has one, with indexes of its packages alone; no package is there."""


class Row(NamedTuple):
    """What is particular to one ecosystem.

    Attributes:
        name: as reports call it.
        room: folder of the site in which its packages are.
        artifact: what a lock calls one of its packages.
        types: of upstreams whose packages are of it, beside one that is called as the ecosystem is.
        label, plural: what people are told it is.
        suffixes: of its packages, wherever they are.
        inside: of packages that are such only in its room: ``.tar.gz`` says nothing elsewhere.
        beside: of files that go with a package and are written with it.
        file_names: patterns of a package's file name, with ``name``, ``version`` and maybe ``arch``.
        folders: how many folders of the site are above what a package is known by for ever, whichever snapshot shows
            it; 0 where it is known by its whole path, and by what the last snapshots had there.
        per_upstream: whether an upstream's packages are in ``ROOM/UPSTREAM/``; else all upstreams share the room.
        nested: whether what an upstream brings is in ``ROOM/UPSTREAM/`` as well, in a folder for each platform that
            belongs to a package's name.
        index_room: folder of the site in which the indexes are, where that is not the room itself.
        roots: names of the files where clients begin.
        root_folder: where these are below the repository.
        signatures: names of the detached signatures of roots.
        signed: whether upstreams sign their roots, so that keys pinned from outside vouch for the packages.
        hashed: pattern of the end of paths that are named after their content.
        media_types: suffix → media type.
        joiner: what is between name and version where a package is asked for.
        tool: what the site's page calls the way to install it.
        versions: gives what sorts versions, and raises FormatError or ValueError for what is none.
    """

    name: str
    room: str
    artifact: str
    label: str
    plural: str
    types: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()
    folders: int = 0
    per_upstream: bool = True
    nested: bool = False
    index_room: str = ""
    roots: tuple[str, ...] = ()
    root_folder: str = ""
    signatures: tuple[str, ...] = ()
    signed: bool = False
    hashed: str = ""
    media_types: tuple[tuple[str, str], ...] = ()
    joiner: str = ""
    tool: str = ""
    versions: Callable[[], Callable[[str], Any]] | None = None

    @property
    def known_by_name(self) -> bool:
        """Whether a package's name stands for its bytes for ever: clients' caches and lockfiles know it by that."""
        return bool(self.folders)

    @property
    def root_paths(self) -> tuple[str, ...]:
        """Where clients begin, below the repository."""
        return tuple(self.root_folder + name for name in self.roots)

    def folder(self, upstream: str) -> str:
        """Return where the site has an upstream's packages; it ends in a slash."""
        return f"{self.room}/{upstream}/" if self.per_upstream or self.nested else f"{self.room}/"

    def spec(self, name: str, version: str) -> str:
        """Return how exactly one version of a package is asked for."""
        return f"{name}{self.joiner}{version}"


def _deb_versions() -> Callable[[str], Any]:
    from cudepot.formats import version  # noqa: PLC0415 - where versions are compared

    return version.key


def _rpm_versions() -> Callable[[str], Any]:
    from cudepot.formats import rpm_version  # noqa: PLC0415 - likewise

    return rpm_version.key


def _python_versions() -> Callable[[str], Any]:
    from packaging.version import Version  # noqa: PLC0415 - likewise

    return Version


APT = Row(
    Ecosystem.APT, "apt", ArtifactKind.DEB, "Debian package", "Debian packages",
    suffixes=(".deb",),
    file_names=(r"(?P<name>[^_]+)_(?P<version>[^_]+)_(?P<arch>[^_]+)\.deb",),
    roots=("InRelease", "Release"), signatures=("Release.gpg",), signed=True,
    hashed=r"/by-hash/[A-Za-z0-9]+/[0-9a-f]{64,128}",
    media_types=((".deb", "application/vnd.debian.binary-package"),),
    joiner="=", tool="deb", versions=_deb_versions,
)  # fmt: skip
YUM = Row(
    Ecosystem.YUM, "yum", ArtifactKind.RPM, "RPM package", "rpms",
    suffixes=(".rpm",),
    file_names=(r"(?P<name>.+)-(?P<version>[^-]+-[^-]+)\.(?P<arch>[^.]+)\.rpm",),
    roots=("repomd.xml",), root_folder="repodata/", signatures=("repomd.xml.asc",), signed=True,
    hashed=r"/[0-9a-f]{64}-[^/]+",
    media_types=((".rpm", "application/x-rpm"),),
    joiner="-", tool="rpm", versions=_rpm_versions,
)  # fmt: skip
CONDA = Row(
    Ecosystem.CONDA, "conda", ArtifactKind.CONDA, "conda package", "conda packages",
    suffixes=(".conda",), inside=(".tar.bz2",),
    file_names=(r"(?P<name>.+)-(?P<version>[^-]+-[^-]+)\.(?:conda|tar\.bz2)",),
    folders=2, per_upstream=False, nested=True,
    roots=(
        "repodata.json", "repodata.json.zst", "repodata_shards.msgpack.zst", "current_repodata.json",
        "current_repodata.json.zst",
    ),
    hashed=r"(?:/shards/[0-9a-f]{64}\.[a-z.]+|\.sigs\.[0-9a-f]{64})",
    media_types=((".conda", "application/octet-stream"), (".sigs", "application/json")),
    joiner="=", tool="conda",
)  # fmt: skip
WHEELS = Row(
    Ecosystem.WHEELS, "wheels", ArtifactKind.WHEEL, "wheel", "wheels", types=("simple",),
    suffixes=(".whl",), inside=(".tar.gz", ".zip"), beside=(".whl.metadata",),
    file_names=(
        r"(?P<name>[^-]+)-(?P<version>[^-]+(?:-\d[^-]*)?)-[^-]+-[^-]+-(?P<arch>[^-]+)\.whl",
        r"(?P<name>.+)-(?P<version>[^-]+)\.(?:tar\.gz|zip)",
    ),
    folders=1, per_upstream=False, index_room="simple",
    roots=("index.html", "index.json"),
    media_types=(
        (".whl", "application/zip"), (".metadata", "text/plain; charset=utf-8"), (".provenance", "application/json"),
    ),
    joiner="==", tool="pip", versions=_python_versions,
)  # fmt: skip
FILES = Row(
    Ecosystem.FILES, "files", ArtifactKind.ARCHIVE, "file", "files",
    types=("redistrib",), inside=("",), joiner="=", versions=_python_versions,
)  # fmt: skip
"""Archives and installers as NVIDIA made them: whatever is in the room is one."""


class _Table(NamedTuple):
    """All rows, and what finds one: every file of a site is asked about."""

    rows: tuple[Row, ...]
    rooms: Mapping[str, Row]
    artifacts: Mapping[str, Row]
    suffixes: Mapping[str, Row]
    endings: tuple[str, ...]


def _tabled(every: tuple[Row, ...]) -> _Table:
    suffixes = {suffix: one for one in every for suffix in one.suffixes}
    return _Table(
        every, {one.room: one for one in every}, {one.artifact: one for one in every}, suffixes, tuple(suffixes)
    )


_table = _tabled((APT, YUM, CONDA, WHEELS, FILES))


def register(row: Row) -> None:
    """Add the row of one more ecosystem; raise ValueError when another one has what is its own."""
    global _table  # noqa: PLW0603 - one table for the process
    if row in _table.rows:
        return
    taken = (
        row.name in {one.name for one in _table.rows} or row.room in _table.rooms or row.artifact in _table.artifacts
    )
    if taken or not _table.suffixes.keys().isdisjoint(row.suffixes):
        raise ValueError(f"ecosystem {row.name}: its name, room, kind of artifact or suffix is another one's")
    _table = _tabled((*_table.rows, row))


def rows() -> tuple[Row, ...]:
    """Return all rows, the five built in first."""
    return _table.rows


def own_folders(upstream: str) -> tuple[str, ...]:
    """Return the folders of the site that may be an upstream's own; each ends in a slash."""
    return tuple(row.folder(upstream) for row in _table.rows if row.per_upstream)


def row_of_type(upstream: str) -> Row | None:
    """Return the row of a type of upstream; None for one whose packages may be of several, a folder for one."""
    return next((one for one in _table.rows if upstream == one.name or upstream in one.types), None)


def repositories() -> Iterator[Row]:
    """Give the ecosystems whose upstreams sign what they publish, each shown in a folder of its own."""
    return (one for one in _table.rows if one.signed)


def signed_suffixes() -> tuple[str, ...]:
    """Return how packages end that signed indexes of upstreams name."""
    return tuple(suffix for one in repositories() for suffix in one.suffixes)


def row_of(path: str) -> Row | None:
    """Return whose package is at a site path; None for what is no package."""
    room = _table.rooms.get(path.partition("/")[0])
    if room and path.endswith(room.inside):
        return room
    if not path.endswith(_table.endings):
        return None
    return next(row for suffix, row in _table.suffixes.items() if path.endswith(suffix))


def row_at(path: str) -> Row:
    """Return the row whose room or indexes a folder of the site belongs to; raise StopIteration for one of no row."""
    top = path.partition("/")[0]
    return next(one for one in _table.rows if top in (one.room, one.index_room))


def row_for(artifact: str) -> Row:
    """Return the row of a kind of artifact; raise KeyError for one that no row has."""
    return _table.artifacts[artifact]


_OTHERS = {
    HeldKind.FILE: (FILES.label, FILES.plural), HeldKind.INSTALLER: ("local installer", "installers"),
    HeldKind.SDIST: ("source distribution", "sdists"),
}  # fmt: skip
"""What is offered and has no row of its own."""


def label(held: str) -> str:
    """Return what people are told one package of a kind is, as a site offers it."""
    return _OTHERS[HeldKind(held)][0] if held in _OTHERS else row_for(held).label


def plural(held: str) -> str:
    """Return the same for several."""
    return _OTHERS[HeldKind(held)][1] if held in _OTHERS else row_for(held).plural


def at_home(path: str) -> str:
    """Return a site path without the folder of an environment before it: where such a file is for all clients."""
    if not path.startswith(f"{ENVIRONMENTS}/"):
        return path
    return path.split("/", 2)[-1]


def packages_in(paths: Iterable[str], row: Row) -> Iterator[str]:
    """Give the site paths at which packages of one ecosystem are in its own room."""
    return (path for path in paths if path.startswith(f"{row.room}/") and row_of(path) is row)
