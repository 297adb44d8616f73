"""``cudepot.lock`` as values: what the pins resolved to, every artifact by hash. Format: ``docs/formats.md``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from cudepot.catalog.fields import Table
from cudepot.digest import Digest
from cudepot.errors import ConfigError, FormatError, PinError
from cudepot.formats.release import Release
from cudepot.paths import plain_path, safe_name

VERSION = 1
FILE_ROLES = ("root", "index", "extra")
KINDS = ("deb", "rpm", "wheel", "archive")
_ENDINGS = {"deb": ".deb", "rpm": ".rpm"}
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+~^:%@{}=-]*")
"""What names, versions and architectures of debs and rpms consist of, the odd ones included."""


@dataclass(frozen=True, slots=True)
class Root:
    """The signed (or, for a wheel index, merely hashed) top of an upstream's index chain.

    Attributes:
        path: below the upstream's URL.
        date: the ``Date`` of a Release file as it stands there; empty where there is none.
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
        role: ``root`` (signed), ``index`` (named by a root) or ``extra`` (known by this hash only).
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

    @property
    def is_yum(self) -> bool:
        """Whether it is a yum repository, be it one inside an installer."""
        return self.type == "yum" or any(one.path == "repodata/repomd.xml" for one in self.roots)


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file as its upstream publishes it.

    Attributes:
        kind: one of ``KINDS``.
        version: as the ecosystem writes it; of an rpm ``EPOCH:VERSION-RELEASE``, without epoch where that is 0.
        path: where the upstream has it: relative to its URL, or an absolute URL.
        filename: the name it is published under; never a path.
        why: ``pin`` or ``needed by NAME``.
        recipe, release: set when it is to be repackaged.
        replaces: sha256 the same name and version had before; the change was accepted when the lock was made.
        holds: of a local-repo installer the packages it brings, each as ``NAME VERSION``.
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
    outputs: tuple[str, ...] = ("mirror",)
    recipe: str = ""
    release: Release | None = None
    replaces: str = ""
    holds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise FormatError when a package is called what clients' files and commands could take for more than a name.

        A line break makes another line of preferences or of a Dockerfile, a leading ``-`` an option.
        """
        named = (self.name, self.version, self.architecture) if self.kind in _ENDINGS else ()
        for text in (*named, *(word for one in self.holds for word in one.split(" "))):
            if text and not _WORD.fullmatch(text):
                raise FormatError(f"{self.filename[:200]!r}: {text[:80]!r} is no name, version or architecture")


@dataclass(frozen=True, slots=True)
class Lock:
    """All of cudepot.lock."""

    upstreams: tuple[LockedUpstream, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    accepted_eula: tuple[str, ...] = ()

    def upstream(self, name: str) -> LockedUpstream | None:
        """Return what is locked of the upstream of that name, if anything."""
        return next((one for one in self.upstreams if one.name == name), None)

    def of(self, upstream: str) -> tuple[Artifact, ...]:
        """Return the artifacts of one upstream in their order."""
        return tuple(one for one in self.artifacts if one.upstream == upstream)


def parse_lock(data: Mapping[str, object]) -> Lock:
    """Return the lock; raise ConfigError that names the place of the first fault."""
    root = Table(data)
    version = root.integer("version")
    if version != VERSION:
        raise ConfigError(
            f"cudepot.lock has version {version}; this cudepot reads {VERSION}",
            hint="use the cudepot version that wrote it, or make the lock anew",
        )
    lock = Lock(
        tuple(_upstream(one) for one in root.tables("upstream")),
        tuple(_artifact(one) for one in root.tables("artifact")),
        root.texts("accepted-eula", ()),
    )
    root.done()
    return lock


def check_filenames(artifacts: Sequence[Artifact]) -> None:
    """Refuse two packages that one flat repository cannot hold: their names are the same, their bytes are not.

    A file's name leaves out the epoch, so two versions may differ in nothing else.

    Raises:
        PinError: there are such two.
    """
    seen: dict[str, Artifact] = {}
    for one in artifacts:
        first = seen.setdefault(one.filename, one) if one.kind == "deb" and "mirror" in one.outputs else one
        if first.digest != one.digest:
            raise PinError(
                f"{one.name} {first.version} and {one.version} are both called {one.filename} and differ",
                hint="pin only one of them: a flat repository holds a file name once",
            )


def render_lock(lock: Lock) -> dict[str, Any]:
    """Return the document of a lock; equal locks give equal documents."""
    document: dict[str, Any] = {"version": VERSION}
    if lock.accepted_eula:
        document["accepted-eula"] = list(lock.accepted_eula)
    document["upstream"] = [_upstream_table(one) for one in lock.upstreams]
    document["artifact"] = [_artifact_table(one) for one in lock.artifacts]
    return document


def _upstream(table: Table) -> LockedUpstream:
    found = LockedUpstream(
        **{key: table.text(key) for key in ("name", "type", "url", "request")},
        **{key: table.text(key, "") for key in ("origin", "label", "suite", "codename")},
        roots=tuple(_root(one) for one in table.tables("root")),
        external=table.texts("external", ()),
        files=tuple(_file(one, "role") for one in table.tables("file")),
        metadata=tuple(_file(one, "type") for one in table.tables("metadata")),
        replaced=tuple(_replaced(one) for one in table.tables("replaced")),
    )
    table.done()
    return found


def _replaced(table: Table) -> Replaced:
    found = Replaced(table.text("path"), table.text("before"), table.text("now"))
    table.done()
    return found


def _root(table: Table) -> Root:
    signature = table.table("signature") if table.has("signature") else None
    root = Root(
        table.text("path"),
        table.digest(),
        table.text("date", ""),
        table.texts("signers", ()),
        signature.digest() if signature else None,
    )
    table.done()
    return root


def _file(table: Table, kind: str) -> LockedFile:
    path = table.text("path")
    if plain_path(path) != path:
        raise ConfigError(f"expected a plain path in {table.path('path')!r}, found {path!r}")
    role = table.choice(kind, FILE_ROLES) if kind == "role" else table.text(kind)
    found = LockedFile(path, role, table.digest())
    table.done()
    return found


def _artifact(table: Table) -> Artifact:
    found = Artifact(
        upstream=table.text("upstream"),
        kind=table.choice("kind", KINDS),
        name=table.text("name"),
        version=table.text("version"),
        architecture=table.text("architecture"),
        path=table.text("path"),
        filename=_plain_name(table),
        digest=table.digest(),
        why=table.text("why", "pin"),
        outputs=table.texts("outputs", ("mirror",)),
        replaces=table.text("replaces", ""),
        holds=table.texts("holds", ()),
    )
    if table.has("recipe"):
        release = table.table("release")
        made = Release(
            **{key: release.text(key) for key in ("product", "version", "cuda", "subdir")},
            part=release.text("part", ""),
        )
        release.done()
        found = replace(found, recipe=table.text("recipe"), release=made)
    table.done()
    return found


def _plain_name(table: Table) -> str:
    name = table.text("filename")
    if "/" in name or safe_name(name) != name or not name.endswith(_ENDINGS.get(table.text("kind"), "")):
        raise ConfigError(f"expected a plain file name in {table.path('filename')!r}, found {name!r}")
    return name


def _upstream_table(one: LockedUpstream) -> dict[str, Any]:
    table: dict[str, Any] = {key: getattr(one, key) for key in ("name", "type", "url", "request")}
    table |= {key: getattr(one, key) for key in ("origin", "label", "suite", "codename") if getattr(one, key)}
    if one.external:
        table["external"] = list(one.external)
    if one.roots:
        table["root"] = [_root_table(root) for root in one.roots]
    if one.files:
        table["file"] = [_file_table(file, "role") for file in one.files]
    if one.metadata:
        table["metadata"] = [_file_table(file, "type") for file in one.metadata]
    if one.replaced:
        table["replaced"] = [asdict(file) for file in one.replaced]
    return table


def _file_table(file: LockedFile, kind: str) -> dict[str, Any]:
    return {"path": file.path, kind: file.role, "sha256": file.digest.sha256, "size": file.digest.size}


def _root_table(root: Root) -> dict[str, Any]:
    table: dict[str, Any] = {"path": root.path, "sha256": root.digest.sha256, "size": root.digest.size}
    if root.date:
        table["date"] = root.date
    if root.signers:
        table["signers"] = list(root.signers)
    if root.signature:
        table["signature"] = {"sha256": root.signature.sha256, "size": root.signature.size}
    return table


def _artifact_table(one: Artifact) -> dict[str, Any]:
    keys = ("upstream", "kind", "name", "version", "architecture", "path", "filename")
    table: dict[str, Any] = {key: getattr(one, key) for key in keys}
    table |= {"sha256": one.digest.sha256, "size": one.digest.size, "why": one.why, "outputs": list(one.outputs)}
    table |= {"replaces": one.replaces} if one.replaces else {}
    table |= {"holds": list(one.holds)} if one.holds else {}
    if one.release is not None:
        table["recipe"] = one.recipe
        table["release"] = {key: getattr(one.release, key) for key in ("product", "version", "cuda", "subdir")}
        if one.release.part:
            table["release"]["part"] = one.release.part
    return table
