"""``cudepot diff --dropin``: hold the packages that were built against a given channel's."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.depot.builds import builds_of
from cudepot.depot.depot import Workshop
from cudepot.depot.locked import current_lock
from cudepot.errors import ConfigError, FormatError
from cudepot.formats.conda_dropin import Difference, Package, compare, records_of
from cudepot.formats.conda_read import read_info


@dataclass(frozen=True, slots=True)
class DropinReport:
    """What was compared and what differs.

    Attributes:
        compared: file names, ours and theirs.
        unknown: fields that could not be compared, because nothing beside the repodata says them.
    """

    compared: tuple[tuple[str, str], ...]
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...]


def dropin(workshop: Workshop, lock_path: Path, repodata: Path) -> DropinReport:
    """Compare every conda package of the lock with those of a repodata.json for the same platform.

    run_exports are taken from a ``run_exports.json`` beside it, file lists from packages (``.conda``) beside it, as
    far as they are there.

    Raises:
        ConfigError: no such file, or the lock has not been repackaged.
        FormatError: it is no repodata.
    """
    theirs = list(_theirs(repodata))
    subdirs = {one.key[2] for one in theirs}
    ours = [one for one in _ours(workshop, lock_path) if one.key[2] in subdirs]
    found, pairs = compare(ours, theirs)
    unknown = [
        field
        for field in ("run_exports", "files")
        if pairs and any(getattr(their, field) is None for _, their in pairs)
    ]
    compared = tuple((mine.filename, their.filename) for mine, their in pairs)
    return DropinReport(compared, tuple(found), tuple(unknown))


def _ours(workshop: Workshop, lock_path: Path) -> Iterator[Package]:
    for one in builds_of(workshop, current_lock(workshop.config, workshop.store, lock_path)):
        if one.kind == ArtifactKind.CONDA:
            with workshop.store.open(one.digest) as handle:
                yield _package(one.filename, read_info(handle, what=one.filename))


def _package(filename: str, info: dict[str, Any]) -> Package:
    paths = tuple(sorted(one["_path"] for one in info.get("paths.json", {}).get("paths", ())))
    return Package(filename, info.get("index.json", {}), _kinds(info.get("run_exports.json", {})), paths)


def _kinds(found: dict[str, Any]) -> dict[str, list[str]]:
    """Return run_exports without empty kinds; conda-build writes a plain list for the weak ones."""
    if isinstance(found, list):
        found = {"weak": found}
    return {kind: specs for kind, specs in found.items() if specs}


def _theirs(repodata: Path) -> Iterator[Package]:
    exports = repodata.parent / "run_exports.json"
    told = dict(_exports(_load(exports))) if exports.is_file() else {}
    for filename, record in records_of(_load(repodata), str(repodata)):
        yield Package(filename, record, told.get(filename), _files(repodata.parent / filename))


def _exports(document: Any) -> Iterator[tuple[str, dict[str, list[str]]]]:
    for part in ("packages", "packages.conda"):
        for filename, entry in document.get(part, {}).items():
            yield filename, _kinds(entry.get("run_exports", {}))


def _files(package: Path) -> tuple[str, ...] | None:
    if package.suffix != ".conda" or not package.is_file():
        return None
    with package.open("rb") as handle:
        return _package(package.name, read_info(handle, what=package.name)).files


def _load(path: Path) -> Any:
    if not path.is_file():
        raise ConfigError(f"{path}: no such file", hint="give a repodata.json or repodata.json.zst")
    try:
        with path.open("rb") as handle:
            plain = zstandard.ZstdDecompressor().stream_reader(handle) if path.suffix == ".zst" else handle
            return json.load(io.TextIOWrapper(plain, "utf-8"))
    except (ValueError, zstandard.ZstdError) as error:
        raise FormatError(f"{path}: not JSON: {error}") from error
