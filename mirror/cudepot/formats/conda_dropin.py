"""Whether conda packages can take the place of others of the same name and version, field by field. Pure.

Sources: CEP 36 (repodata.json), CEP 12 (run_exports.json), CEP 34 (index.json, paths.json).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cudepot.errors import FormatError

Record = Mapping[str, Any]
_CUDA = (re.compile(r"cuda-version >=(\d+)"), re.compile(r"cudatoolkit (?:>=)?(\d+)"))
_CUDA_IN_BUILD = re.compile(r"cuda_?(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Package:
    """One package as far as it is known: ``run_exports`` and ``files`` are None where nobody could say."""

    filename: str
    record: Record
    run_exports: Mapping[str, Sequence[str]] | None = None
    files: tuple[str, ...] | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What two packages that compare have in common: name, version, platform, CUDA major (empty for none)."""
        one = self.record
        return str(one["name"]), str(one["version"]), str(one.get("subdir", "")), _cuda(one)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same.

    Attributes:
        package: our package's file name, or theirs where we have none.
        field: ``package``, ``depends``, ``constrains``, ``run_exports`` or ``files``.
        lacking: what theirs has and ours has not.
        more: what ours has and theirs has not.
    """

    package: str
    field: str
    lacking: tuple[str, ...]
    more: tuple[str, ...]


def records_of(document: object, what: str) -> Iterator[tuple[str, Record]]:
    """Give file name and record of every package in a repodata.json.

    Raises:
        FormatError: it is none.
    """
    if not isinstance(document, Mapping) or not {"packages", "packages.conda"} & set(document):
        raise FormatError(f"{what}: not a repodata.json", hint="give the repodata.json of one platform of a channel")
    subdir = document.get("info", {}).get("subdir", "")
    for part in ("packages", "packages.conda"):
        for filename, record in document.get(part, {}).items():
            if not isinstance(record, Mapping) or not {"name", "version"} <= set(record):
                raise FormatError(f"{what}: {filename}: a record without name or version")
            yield filename, {"subdir": subdir, **record}


def compare(
    ours: Iterable[Package], theirs: Iterable[Package]
) -> tuple[list[Difference], list[tuple[Package, Package]]]:
    """Return what differs, and the pairs that were compared: of several builds of theirs the last one.

    Packages of a version that only one side has are told when the other side has anything of that version.
    """
    mine = {one.key: one for one in ours}
    others: dict[tuple[str, str, str, str], Package] = {}
    versions = {one.key[1:] for one in mine.values()}
    for one in sorted(theirs, key=lambda each: int(each.record.get("build_number", 0))):
        if one.key[1:] in versions:
            others[one.key] = one
    pairs = [(mine[key], others[key]) for key in sorted(mine.keys() & others.keys())]
    found = [one for pair in pairs for one in _fields(*pair)]
    found += [Difference(others[key].filename, "package", (key[0],), ()) for key in sorted(others.keys() - mine.keys())]
    found += [Difference(mine[key].filename, "package", (), (key[0],)) for key in sorted(mine.keys() - others.keys())]
    return found, pairs


def _cuda(record: Record) -> str:
    for spec in record.get("depends", ()):
        for form in _CUDA:
            if match := form.match(str(spec)):
                return match[1]
    match = _CUDA_IN_BUILD.match(str(record.get("build", "")))
    return match[1] if match else ""


def _fields(ours: Package, theirs: Package) -> Iterator[Difference]:
    for field in ("depends", "constrains"):
        yield from _sets(
            ours, field, map(_plain, ours.record.get(field, ())), map(_plain, theirs.record.get(field, ()))
        )
    if ours.run_exports is not None and theirs.run_exports is not None:
        yield from _sets(ours, "run_exports", _exports(ours.run_exports), _exports(theirs.run_exports))
    if ours.files is not None and theirs.files is not None:
        yield from _sets(ours, "files", ours.files, theirs.files)


def _plain(spec: object) -> str:
    """Return a spec without what names our own builds: an exact pin to a build of the same version."""
    name, *rest = str(spec).split()
    pinned = len(rest) == 2 and rest[1] not in ("*", "sbsa", "tegra")
    return f"{name} {rest[0].lstrip('=')} (exact build)" if pinned else str(spec)


def _exports(found: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{kind}: {spec}" for kind, specs in found.items() for spec in specs]


def _sets(ours: Package, field: str, mine: Iterable[str], others: Iterable[str]) -> Iterator[Difference]:
    have, want = set(mine), set(others)
    if have != want:
        yield Difference(ours.filename, field, tuple(sorted(want - have)), tuple(sorted(have - want)))
