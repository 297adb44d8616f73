"""What a site holds for its clients: packages by kind, platform and repository, read from a snapshot and its lock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from cudepot.catalog.ecosystems import CONDA, FILES, WHEELS, HeldKind, packages_in, row_for, rows
from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.nvidia.cuda_variant import same_cuda
from cudepot.catalog.nvidia.release_names import parse_artifact_name
from cudepot.catalog.site.snapshot import Tree
from cudepot.digest import Digest
from cudepot.errors import PinError

_CONDA = re.compile(
    r"(?P<channel>[^/]+/[^/]+)/(?P<subdir>[^/]+)/(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\.(?:conda|tar\.bz2)"
)
_CUDA = re.compile(r"(?:[-_+. ]cuda-?|-cu)(\d+(?:\.\d+)?)")
_TOOLKIT = re.compile(r"-(\d+)-(\d+)$")
"""How debs and rpms of CUDA itself end: ``cuda-toolkit-11-1``."""
_WHEEL = {
    "linux-64": ("linux", "x86_64"), "linux-aarch64": ("linux", "aarch64"),
    "linux-ppc64le": ("linux", "ppc64le"), "win-64": ("win", "amd64"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """A package the site offers.

    Attributes:
        kind: a ``HeldKind``, or what a row that was registered says.
        version: as its ecosystem writes it; EVR of an rpm; of a file the release its name tells, or empty.
        platform: conda's subdir, ``any`` for a wheel of any platform; the architecture of a deb, rpm or installer;
            empty for a file that does not tell.
        repository: its folder on the site: ``conda/main``, ``simple``, ``apt/ubuntu2004/x86_64``, ``files/downloads``.
        path: of the file on the site.
        build: conda's build string; of a file its CUDA variant, ``cuda11.1``.
        holds: of an installer the packages it brings, each as ``NAME VERSION``.
        md5: of a conda package, where it was looked up.
        cuda: CUDA variant a wheel was built from, where its statement of origin tells; its name has the major alone.
    """

    kind: str
    name: str
    version: str
    platform: str
    repository: str
    path: str
    digest: Digest
    build: str = ""
    holds: tuple[str, ...] = ()
    md5: str = ""
    cuda: str = ""

    def url(self, base: str) -> str:
        """Return where clients get it from, ``base`` being where they see the site."""
        return f"{base.rstrip('/')}/{quote(self.path)}"


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What an export or the page says of a site.

    Attributes:
        label: who it is.
        channel: path of the conda channel.
        number: of the snapshot; ``created`` its date.
        signer: fingerprint of the site's key; ``key`` the file at ``keys/site.asc``, ``keyring`` that at
            ``keys/site.gpg``, which apt before 1.4 needs.
        held: all packages.
        closed: whether the channel has everything its packages need: clients may do with it alone.
        elsewhere: names that the chosen conda packages need and the channel does not have.
    """

    label: str
    channel: str
    number: int
    created: str
    signer: str
    key: Digest
    keyring: Digest
    held: tuple[Held, ...]
    closed: bool = False
    elsewhere: tuple[str, ...] = ()

    def of(self, kind: str) -> tuple[Held, ...]:
        """Return the packages of one kind."""
        return tuple(one for one in self.held if one.kind == kind)


def held_in(tree: Tree, lock: Lock) -> tuple[Held, ...]:
    """Return what a snapshot offers; packages of whole mirrors are in their own indexes and not listed."""
    packages = [*_conda(tree, lock), *_wheels(tree), *_locked(tree, lock), *_files(tree, lock)]
    return tuple(sorted(packages, key=lambda one: (_place(one.kind), one.repository, one.name, one.path)))


def _place(kind: str) -> int:
    """Return where a kind is listed: one that was registered after those that are built in."""
    known = list[str](HeldKind)
    return known.index(kind) if kind in known else len(known)


def _conda(tree: Tree, lock: Lock) -> Iterator[Held]:
    """Give the packages of the site's own channel, which has those of the upstreams' channels as well."""
    others = tuple(f"{CONDA.room}/{one.name}/" for one in lock.upstreams if one.row is CONDA)
    for path in packages_in(tree, CONDA):
        if not path.startswith(others) and (found := _CONDA.fullmatch(path)):
            channel, subdir, *name = found.groups()
            yield Held(HeldKind.CONDA, name[0], name[1], subdir, channel, path, tree[path], name[2])


def _wheels(tree: Tree) -> Iterator[Held]:
    for path in packages_in(tree, WHEELS):
        try:
            held = _wheel(path, tree[path])
        except ValueError:
            continue
        yield held


def _wheel(path: str, digest: Digest) -> Held:
    """Return a wheel or sdist; raise ValueError for one whose name says nothing."""
    from packaging.utils import parse_sdist_filename, parse_wheel_filename  # noqa: PLC0415 - where there are wheels

    filename = path.removeprefix(f"{WHEELS.room}/")
    if path.endswith(WHEELS.inside):
        name, version = parse_sdist_filename(filename)
        return Held(HeldKind.SDIST, str(name), str(version), "any", WHEELS.index_room, path, digest)
    name, version, _, tags = parse_wheel_filename(filename)
    platform = next((one for tag in tags for one in _subdirs(tag.platform)), "any")
    return Held(HeldKind.WHEEL, str(name), str(version), platform, WHEELS.index_room, path, digest)


def _subdirs(tag: str) -> Iterator[str]:
    for subdir, (system, machine) in _WHEEL.items():
        if system in tag and tag.endswith(machine):
            yield subdir


def _locked(tree: Tree, lock: Lock) -> Iterator[Held]:
    kinds = {row.artifact for row in rows() if row.per_upstream and row is not FILES}
    for one in lock.artifacts:
        if one.kind in kinds and (held := held_package(one)).path in tree:
            yield held


def held_package(one: Artifact) -> Held:
    """Return a locked package of a repository, a deb for one, as the site offers it."""
    folder = row_for(one.kind).folder(one.upstream)
    path = f"{folder}{one.filename}"
    return Held(one.kind, one.name, one.version, one.architecture, folder.rstrip("/"), path, one.digest)


def files_of(lock: Lock) -> Iterator[tuple[str, Artifact]]:
    """Give site path and artifact of all that is published as a file: archives and installers, as NVIDIA made them."""
    for one in lock.artifacts:
        if one.kind == FILES.artifact and one.is_mirrored:
            yield f"{FILES.folder(one.upstream)}{one.filename}", one


def _files(tree: Tree, lock: Lock) -> Iterator[Held]:
    for path, one in files_of(lock):
        if path in tree:
            yield held_file(path, one)


def held_file(path: str, one: Artifact) -> Held:
    """Return an archive or installer as the site offers it, or would offer it, at ``path``."""
    folder, release = path.rpartition("/")[0], one.release or parse_artifact_name(one.filename)
    if one.holds:
        return Held(
            HeldKind.INSTALLER, one.name, one.version, one.architecture, folder, path, one.digest, "", one.holds
        )
    if release:
        name, cuda = one.filename.partition("-")[0], f"cuda{release.cuda}" if release.cuda else ""
        return Held(HeldKind.FILE, name, release.version, release.subdir, folder, path, one.digest, cuda)
    return Held(HeldKind.FILE, one.filename, "", "", folder, path, one.digest)


def is_for_cuda(one: Held, cuda: str) -> bool:
    """Return whether a package is for a CUDA version like ``12`` or ``11.1``, or does not say for which."""
    said = cuda_of(one)
    return not said or same_cuda(said, cuda)


def cuda_of(one: Held) -> str:
    """Return the CUDA version a package says it is for, by name, version or build; empty when it does not.

    Of several the one that says most: a wheel of ours may be ``nvidia-cudnn-cu10 8.0.5.39+cuda10.2.acme.1``.
    """
    if one.cuda:
        return one.cuda
    if one.kind == HeldKind.CONDA and one.name in ("cuda-version", "cudatoolkit"):
        return ".".join(one.version.split(".")[:2])
    if one.kind in (HeldKind.DEB, HeldKind.RPM) and (found := _TOOLKIT.search(one.name)):
        return f"{found[1]}.{found[2]}"
    said: list[str] = _CUDA.findall(f"{one.name} {one.version} {one.build}")
    return max(said, key=lambda cuda: cuda.count("."), default="")


def newest_builds(held: Iterable[Held], what: str) -> tuple[Held, ...]:
    """Return one package of each name: of several builds of one version the newest one.

    Raises:
        PinError: there are several versions, or builds for several CUDAs, of one name.
    """
    found: dict[str, list[Held]] = {}
    for one in held:
        found.setdefault(one.name, []).append(one)
    return tuple(_only(name, several, what) for name, several in sorted(found.items()))


def _only(name: str, several: Sequence[Held], what: str) -> Held:
    if len({(one.version, one.build.partition("_")[0]) for one in several}) > 1:
        there = ", ".join(sorted("=".join(filter(None, (one.version, one.build))) for one in several))
        raise PinError(
            f"{what}: several of {name}: {there}",
            hint="choose one with --only NAME=VERSION (its dependencies are included), or --cuda VERSION",
        )
    return max(several, key=lambda one: (len(one.build), one.build))
