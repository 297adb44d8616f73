"""``cudepot diff --payload``: which files differ between two artifacts or packages of one release, however shipped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cudepot.catalog.ecosystems import ArtifactKind, row_of
from cudepot.catalog.lock import Artifact
from cudepot.catalog.nvidia.release_names import parse_artifact_name
from cudepot.digest import Digest
from cudepot.disk import storage_errors
from cudepot.errors import ConfigError
from cudepot.formats.conda_read import read_conda
from cudepot.formats.payload import Found, PayloadRules
from cudepot.formats.payload_assemble import assemble
from cudepot.formats.payload_shipped import assemble_shipped
from cudepot.formats.release import Release
from cudepot.workflows.build.unpack import load_rules, members

_LABEL = re.compile(r"\+[a-z0-9.]+(?=-py3-)")


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that is not the same: its sha256 or ``-> link`` on each side, empty where it is not there."""

    path: str
    before: str
    after: str

    @property
    def kind(self) -> str:
        """``came``, ``went`` or ``changed``."""
        return "came" if not self.before else "went" if not self.after else "changed"


def diff_payloads(recipes: Path, before: str, after: str) -> tuple[tuple[FileChange, ...], int]:
    """Return the files that differ in their canonical places, and how many are the same.

    Args:
        recipes: folder of the recipes, whose payload.toml says what is what.
        before, after: an artifact or package, or several artifacts of one release joined by commas.

    Raises:
        ConfigError: no such file, or a name that says no release.
        FormatError: damaged, or files that no rule claims.
    """
    old, new = contents(recipes, before), contents(recipes, after)
    paths = sorted(old.keys() | new.keys())
    changed = [
        FileChange(path, old.get(path, ""), new.get(path, "")) for path in paths if old.get(path) != new.get(path)
    ]
    return tuple(changed), len(paths) - len(changed)


def contents(recipes: Path, side: str) -> Mapping[str, str]:
    """Return canonical path → sha256 or ``-> link`` of one side."""
    paths = [Path(one) for one in side.split(",")]
    for path in paths:
        if not path.is_file():
            raise ConfigError(f"{path}: no such file", hint="name artifacts or packages on this machine")
    if paths[0].suffix == ".conda":
        return {path: found for one in paths for path, found in _of_conda(one)}
    release = _release(paths[0])
    rules = load_rules(recipes, release.product)
    found = [one for path in paths for one in _found(path, rules)]
    payload = (assemble_shipped if rules.as_shipped else assemble)(release, found)
    return {one.path: one.digest.sha256 if one.digest else f"-> {one.link}" for one in payload.files}


def _release(path: Path) -> Release:
    release = parse_artifact_name(_LABEL.sub("", path.name))
    if release is None:
        raise ConfigError(
            f"{path}: the name does not say which release it is", hint="rename the file to the name NVIDIA gave it"
        )
    return release


def _of_conda(path: Path) -> Iterator[tuple[str, str]]:
    """Give the files of a conda package in canonical places: cudepot's own metadata left out."""
    with storage_errors(path), path.open("rb") as handle:
        for member, stream in read_conda(handle, what=path.name):
            name = member.name.replace("info/licenses/LICENSE", "LICENSE")
            if not name.startswith("info/"):
                place = name.removeprefix("Library/").removeprefix("share/cudnn/")
                yield place, f"-> {member.link}" if stream is None else Digest.of_stream(stream).sha256


def _found(path: Path, rules: PayloadRules) -> Iterator[Found]:
    """Give what the rules claim, every content hashed and nothing written."""
    with storage_errors(path), path.open("rb") as handle:
        digest = Digest.of_stream(handle)
        handle.seek(0)
        row = row_of(path.name)
        artifact = Artifact(
            "", row.artifact if row else ArtifactKind.ARCHIVE, path.name, "", "", path.name, path.name, digest
        )
        for member, stream in members(artifact, handle, lambda _: None):
            if (claim := rules.claim(member.name)) is not None:
                content = None if stream is None else Digest.of_stream(stream)
                yield Found(member.name, claim, content, member.link)
