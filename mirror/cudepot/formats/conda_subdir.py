"""What a channel says of the packages of one subdir, as far as it was asked for; and reading it from repodata.json.

Sources: CEP 36 (repodata.json, ``removed``), CEP 15 (``base_url``), CEP 48 (``v3``), CEP 42 (channel relations), CEP 12
(run_exports.json). The document may be of any length: records of names that nobody asked for are not kept.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, BinaryIO, NamedTuple

from cudepot.errors import FormatError
from cudepot.formats.conda_record import SUFFIXES, V3, Package, checked, name_of
from cudepot.formats.conda_repodata import depended
from cudepot.formats.guarded import damaged
from cudepot.formats.json_stream import JsonStream, value_of

LEGACY = {"packages": ".tar.bz2", "packages.conda": ".conda"}
"""Keys under which records are by file name, and how these end."""
REVISED = {suffix[1:]: suffix for suffix in SUFFIXES}
"""Likewise of ``v3``, where the names have no ending; wheels in it (``whl``) are no packages of conda's."""
WHEELS = "whl"
_RELATIONS = ("base", "overrides")
_NEWEST_VERSION = 2
_MOST_SPECS = 1 << 17
_DEPENDS = re.compile(r'"depends"[ \t\r\n]*:[ \t\r\n]*\[((?:[ \t\r\n,]*"[^"]*")*)[ \t\r\n]*\]')
_TEXT = re.compile(r'"([^"]*)"')


@dataclass(slots=True)
class Subdir:
    """One subdir of a channel.

    Attributes:
        subdir: ``linux-64``, ``noarch`` and so on.
        base_url: where its packages are, absolute or relative to the index; empty for beside it.
        packages: those that were asked for.
        removed: file names that were taken out of the index; the files may still be there.
        relations: other channels that belong to it (CEP 42).
        odd: what was left out, a line each.
    """

    subdir: str
    base_url: str = ""
    packages: list[Package] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    relations: Mapping[str, str] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)

    def take(self, filename: str, record: object, what: str, revision: str = "") -> None:
        """Take in a record, or note why it is left out; ``run_exports`` in it, as shards have them, come out of it."""
        try:
            found = checked(filename, record, self.subdir, what)
            exports = run_exports_of(found.pop("run_exports", None), filename, what)
        except FormatError as error:
            self.odd.append(str(error))
        else:
            self.packages.append(Package(filename, found, revision, exports))

    def take_revised(self, form: str, stem: str, record: object, what: str) -> None:
        """Take in a record of the newer revision; a wheel is noted, and what else there may be passed over."""
        if form in REVISED:
            self.take(stem + REVISED[form], record, what, V3)
        elif form == WHEELS:
            self.odd.append(f"{what}: {stem[:200]!r} is a wheel, and wheels are not taken from channels")

    def inform(self, info: object, what: str) -> None:
        """Take in the head of an index.

        Raises:
            FormatError: it is of another subdir, or none.
        """
        if not isinstance(info, dict):
            raise damaged(what, "its info is no object")
        if info.get("subdir", self.subdir) != self.subdir:
            raise FormatError(f"{what}: is the index of {str(info['subdir'])[:80]!r}", hint="the channel is at fault")
        self.base_url = _text(info.get("base_url", ""), "base_url", what)
        relations = info.get("channel_relations") or {}
        if not isinstance(relations, dict):
            raise damaged(what, "its channel_relations are no object")
        told = {key: _text(relations.get(key), "channel_relations", what) for key in _RELATIONS}
        self.relations = {key: value for key, value in told.items() if value}


def _text(value: object, key: str, what: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not value.isprintable() or len(value) > 2000:
        raise damaged(what, f"its {key} is no text")
    return value


class RunExports(NamedTuple):
    """What one entry of run_exports.json says; None, and why, where that cannot be read."""

    filename: str
    exports: Mapping[str, Any] | None
    odd: str = ""


_KINDS = {"weak", "strong", "noarch", "weak_constrains", "strong_constrains"}


def run_exports_of(found: object, filename: str, what: str) -> Mapping[str, Any] | None:
    """Return the run_exports of a package; None where they are not told; raise FormatError where they are none."""
    if found is None:
        return None
    if not isinstance(found, dict) or not found.keys() <= _KINDS or not all(map(_are_specs, found.values())):
        raise FormatError(f"{what}: {filename[:200]!r}: its run_exports are none")
    return {key: list(specs or ()) for key, specs in found.items()}


def _are_specs(value: object) -> bool:
    """Return whether something is a list of specs, or nothing."""
    return value is None or (
        isinstance(value, list) and all(isinstance(one, str) and one.isprintable() for one in value)
    )


def read_repodata(stream: BinaryIO, subdir: str, names: Collection[str], what: str) -> Subdir:
    """Return what a repodata.json, unpacked, says of packages of these names.

    Raises:
        FormatError: damaged, of another subdir, or of a version that only a newer cudepot reads.
    """
    found, document = Subdir(subdir), JsonStream(stream, what)
    for key in document.members():
        if key in LEGACY:
            for filename, record in _wanted(document, names, what):
                found.take(filename, record, what)
        elif key == V3:
            _read_v3(document, found, names, what)
        elif key == "removed":
            found.removed |= {str(one) for one in document.items() if name_of(str(one)) in names}
        elif key == "info":
            found.inform(document.value(), what)
        elif key == "repodata_version":
            _check_version(document.value(), what)
        else:
            document.skip()
    document.end()
    return found


def settled(packages: Iterable[Package], removed: Collection[str]) -> list[Package]:
    """Return packages in the order of their file names, each once: its newer record; without those that are removed.

    An index that lists a package and names it as removed is read by clients as one that does not have it.
    """
    newest = {one.filename: one for one in sorted(packages, key=attrgetter("filename", "revision"))}
    return [one for filename, one in newest.items() if filename not in removed]


def read_needs(stream: BinaryIO, what: str) -> dict[str, set[str]]:
    """Return which names the packages of a repodata.json need, by their own; what is malformed is passed over.

    Raises:
        FormatError: damaged.
    """
    document, found, names = JsonStream(stream, what), defaultdict[str, set[str]](set), _Depended()
    for key in document.members():
        if key in LEGACY:
            _add_needs(document, found, names, what)
        elif key == V3:
            for form in document.members():
                _add_needs(document, found, names, what) if form in REVISED else document.skip()
        else:
            document.skip()
    document.end()
    return found


def _add_needs(document: JsonStream, found: dict[str, set[str]], names: Mapping[str, str], what: str) -> None:
    for filename, text in document.texts():
        found[name_of(filename)].update(map(names.__getitem__, _specs(text, what)))


def _specs(text: str, what: str) -> list[str]:
    """Return what a record depends on; one that is as plain as most is not read for that."""
    if "\\" not in text and text.count("{") == 1 and (listed := _DEPENDS.search(text)):
        return _TEXT.findall(listed[1])
    record = value_of(text, what)
    if not isinstance(record, dict):
        return []
    extra = record.get("extra_depends")
    lists = [record.get("depends"), *(extra.values() if isinstance(extra, dict) else ())]
    return [spec for one in lists if isinstance(one, list) for spec in one if isinstance(spec, str)]


class _Depended(dict[str, str]):
    """Spec → name in it: an index has the same few specs over and over."""

    def __missing__(self, spec: str) -> str:
        if len(self) > _MOST_SPECS:
            self.clear()
        self[spec] = name = depended(spec)
        return name


def _check_version(value: object, what: str) -> None:
    if not isinstance(value, int) or value > _NEWEST_VERSION:
        raise FormatError(f"{what}: is of version {str(value)[:20]}", hint="use a newer cudepot")


def _read_v3(document: JsonStream, found: Subdir, names: Collection[str], what: str) -> None:
    for form in document.members():
        if form not in (*REVISED, WHEELS):
            document.skip()
            continue
        for stem, record in _wanted(document, names, what):
            found.take_revised(form, stem, record, what)


def _wanted(document: JsonStream, names: Collection[str], what: str) -> Iterator[tuple[str, Any]]:
    for filename, text in document.texts():
        if name_of(filename) in names:
            yield filename, value_of(text, what)


def read_run_exports(stream: BinaryIO, filenames: Set[str], what: str) -> Iterator[RunExports]:
    """Give what a run_exports.json, unpacked, says of these packages.

    Raises:
        FormatError: damaged.
    """
    document = JsonStream(stream, what)
    for key in document.members():
        if key not in LEGACY:
            document.skip()
            continue
        for filename, text in document.texts():
            if filename in filenames:
                entry = value_of(text, what)
                exports = entry.get("run_exports") if isinstance(entry, dict) else None
                try:
                    yield RunExports(filename, run_exports_of(exports or {}, filename, what))
                except FormatError as error:
                    yield RunExports(filename, None, str(error))
    document.end()


def in_both_forms(packages: Sequence[Package]) -> set[str]:
    """Return the stems of the packages there are as ``.conda`` and ``.tar.bz2``."""
    seen = {(one.stem, one.filename.endswith(SUFFIXES[0])) for one in packages}
    return {stem for stem, _ in seen if (stem, True) in seen and (stem, False) in seen}
