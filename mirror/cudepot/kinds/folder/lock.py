"""Resolve pins against a folder of downloaded artifacts: hash what the globs name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from cudepot.catalog.config.config import Config, Pin
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import SYSTEM_KINDS, ArtifactKind
from cudepot.catalog.lock import Artifact, LockedUpstream, Resolved, check_filenames
from cudepot.catalog.nvidia.release_names import is_meta, parse_artifact_name, with_recipe
from cudepot.catalog.unsolvable import Findings
from cudepot.depot.nvidia_catalog import load_catalog
from cudepot.depot.partly import partly
from cudepot.depot.request import request_hash
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError, FormatError, PinError, TrustError
from cudepot.formats.deb import read_control
from cudepot.formats.deb822 import Fields, parse_stanza
from cudepot.formats.rpm_header import read_head
from cudepot.kinds.installer.contents import held_by, is_installer
from cudepot.kinds.rules.other_spelling import meant_by, spelled_out
from cudepot.paths import safe_name
from cudepot.transport.folder.source import FolderSource


def resolve_folder(
    base: Path,
    config: Config,
    upstream: Upstream,
    before: Resolved | None,
    findings: Findings,
) -> Resolved:
    """Return the files of a folder that the pins name, by hash.

    Every file is hashed each time: a name, size or date is no evidence. What an installer holds, and whether an rpm
    is whole, is looked at once: the same bytes say the same.

    Raises:
        PartlyLockedError: some pins match no file; what the others resolved to is in it.
        UnmetError: none does.
        TrustError: a file does not have the hash its pin says.
        FormatError: a package is damaged.
    """
    folder = base / upstream.path
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder", hint=f"`path` of upstream {upstream.name!r} in cudepot.toml")
    pins = config.pins_of(upstream)
    known = {one.digest: one for one in (before[1] if before else ())}
    artifacts: dict[str, Artifact] = {}
    errors: dict[str, CudepotError] = {}
    for pin in pins:
        for one, path in _files_of(upstream, pin, folder, errors):
            artifacts.setdefault(path.name, _published(one, path, known))
    locked = LockedUpstream(upstream.name, upstream.type, "", request_hash(upstream, pins))
    found = _once_each(artifacts.values())
    check_filenames(found)
    if any(map(_is_published_rpm, found)):
        locked, found = _with_rpms(locked, found, folder, findings)
    if errors and before:  # what stays of pins that match nothing now needs what it needed
        locked = replace(locked, external=tuple(sorted({*locked.external, *before[0].external})))
    return partly(locked, found, errors, before[1] if before else (), lambda glob, one: fnmatchcase(one.path, glob))


def _is_published_rpm(one: Artifact) -> bool:
    return one.kind == ArtifactKind.RPM and one.is_mirrored


def _with_rpms(locked: LockedUpstream, artifacts: tuple[Artifact, ...], folder: Path, findings: Findings) -> Resolved:
    """Add what the rpms of a folder need beside them; two that differ in their epochs alone get names that differ."""
    from cudepot.kinds.yum.loose_rpms import with_needs  # noqa: PLC0415 - libsolv and createrepo_c take time to load
    from cudepot.kinds.yum.subset import named_once  # noqa: PLC0415

    rpms = named_once(filter(_is_published_rpm, artifacts))
    named = {one.path: one for one in rpms}
    source = FolderSource(folder)
    locked = with_needs(locked, rpms, lambda one: source.file(one.path).open("rb"), findings)
    debs = any(one.kind == ArtifactKind.DEB and one.is_mirrored for one in artifacts)
    findings.complete = not debs  # whether debs can be installed is for `publish` to prove
    return locked, tuple(named.get(one.path, one) for one in artifacts)


def _files_of(
    upstream: Upstream, pin: Pin, folder: Path, errors: dict[str, CudepotError]
) -> list[tuple[Artifact, Path]]:
    """Return the files of a pin, and note what matches none.

    Packages without a file of their own may be among those to repackage.
    """
    found = [(_artifact(upstream, pin, path), path) for path in _matching(folder, pin, errors)]
    if found and pin.recipe and not any(one.release for one, _ in found):
        with_recipe(found[0][0], pin)  # says what has to be named instead
    return found


def _once_each(artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
    """Keep one file of each package, version and architecture; refuse two that differ: clients could take either."""
    kept: dict[tuple[str, ...], Artifact] = {}
    for one in artifacts:
        is_package = one.kind in SYSTEM_KINDS
        key = (one.kind, one.name, one.version, one.architecture) if is_package else (one.filename,)
        first = kept.setdefault(key, one)
        if first.digest != one.digest:
            what = f"{one.name} {one.version} ({one.architecture})"
            raise PinError(
                f"{first.path} and {one.path} are both {what} and differ: "
                f"sha256 {first.digest.sha256[:12]}… and {one.digest.sha256[:12]}…",
                hint="NVIDIA has shipped different files under one version: find out which one you need and pin "
                "only that file",
            )
    return tuple(kept.values())


def _matching(folder: Path, pin: Pin, errors: dict[str, CudepotError]) -> list[Path]:
    found, source = list[Path](), FolderSource(folder)
    for glob in pin.packages:
        if "/" in glob or ".." in glob:
            raise ConfigError(f"pin {glob!r}: a file name or glob without folders is expected")
        matches = sorted(one for one in folder.glob(glob) if one.is_file())
        if not matches:
            text = f"pin {glob!r} matches no file in {folder}"
            errors[glob] = PinError(text, hint=_otherwise(folder, glob), pins=(glob,))
        found += [source.file(one.name) for one in matches]  # what leads out of the folder, sync would refuse
    return found


def _otherwise(folder: Path, text: str) -> str:
    """Return the hint for an entry that is no name of a file there: the files of what a package manager would mean."""
    found = []
    for file in sorted(one.name for one in folder.iterdir()):
        release = parse_artifact_name(file)
        name = {".deb": file.partition("_")[0], ".rpm": file.rsplit("-", 2)[0]}.get(file[-4:], "cudnn")
        if release and meant_by(text, [(name, f"{release.version}-1+cuda{release.cuda}")]):
            found.append(file)
    return spelled_out(found) or "download it there first"


def _artifact(upstream: Upstream, pin: Pin, path: Path) -> Artifact:
    with path.open("rb") as handle:
        digest = Digest.of_stream(handle)
    expected = dict(pin.sha256).get(path.name, digest.sha256)
    if expected != digest.sha256:
        raise TrustError(
            f"{path}: sha256 is {digest.sha256}, the pin says {expected}",
            hint="NVIDIA has shipped different files under one name before: download it again, or correct the pin",
        )
    blank = Artifact(
        upstream.name, ArtifactKind.ARCHIVE, path.name, "", "", path.name, path.name, digest, outputs=pin.outputs
    )
    known = load_catalog().identify(digest.sha256) if pin.recipe else None
    described = _described(blank, path)
    if described.kind in SYSTEM_KINDS and is_meta(described.name):
        return described
    found = with_recipe(described, pin, known.release if known else None)
    if found.kind == ArtifactKind.ARCHIVE and found.release is not None:
        return replace(found, name=found.release.product, version=found.release.version)
    return found


def _described(artifact: Artifact, path: Path) -> Artifact:
    """Return an artifact as a package says what it is; any other file is what it is called."""
    describe = {".deb": _deb, ".rpm": _rpm, ".whl": _wheel}.get(path.suffix)
    return describe(artifact, path) if describe else artifact


def _deb(artifact: Artifact, path: Path) -> Artifact:
    with path.open("rb") as handle:
        fields = parse_stanza(read_control(handle, what=str(path)), str(path))
    name, version, architecture = (_needed(fields, key, path) for key in ("Package", "Version", "Architecture"))
    return replace(artifact, kind=ArtifactKind.DEB, name=name.lower(), version=version, architecture=architecture)


def _rpm(artifact: Artifact, path: Path) -> Artifact:
    with path.open("rb") as handle:
        head = read_head(handle, what=str(path))
    filename = f"{head.name}-{head.evr.rpartition(':')[2]}.{head.architecture}.rpm"  # whatever the file is called
    found = replace(artifact, kind=ArtifactKind.RPM, name=head.name, version=head.evr, architecture=head.architecture)
    return replace(found, filename=safe_name(filename))


def _wheel(artifact: Artifact, path: Path) -> Artifact:
    try:
        project, release, _, tags = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        raise FormatError(f"{path}: not a wheel's file name: {error}", hint="keep the name it came with") from error
    platforms = ",".join(sorted(tag.platform for tag in tags))
    return replace(artifact, kind=ArtifactKind.WHEEL, name=str(project), version=str(release), architecture=platforms)


def _needed(fields: Fields, name: str, path: Path) -> str:
    found = fields.get(name, "").strip()
    if not found:
        raise FormatError(f"{path}: its control file has no {name}", hint="dpkg cannot install it either: rebuild it")
    return found


def _published(artifact: Artifact, path: Path, known: Mapping[Digest, Artifact]) -> Artifact:
    """Make an installer that is published as it is a file of its own, with what it holds; refuse damaged rpms."""
    if artifact.kind not in SYSTEM_KINDS or not artifact.is_mirrored:
        return artifact
    before = known.get(artifact.digest)
    if is_installer(artifact.name):
        holds = before.holds if before else ()
        return replace(
            artifact, kind=ArtifactKind.ARCHIVE, filename=path.name, holds=holds or held_by(path, artifact.digest)
        )
    if artifact.kind == ArtifactKind.RPM and not (before and _is_published_rpm(before)):
        from cudepot.kinds.yum.loose_rpms import check_whole  # noqa: PLC0415 - where there are rpms

        check_whole(artifact, path)
    return artifact
