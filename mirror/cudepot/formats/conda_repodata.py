"""Reads a channel's index back (CEP 36): what it says of each package, the MD5 it knows, what it has not.

Beside conda_index, which loads what writing an index takes.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cudepot.errors import FormatError
from cudepot.formats.conda_record import SUFFIXES, V3

_AFTER_NAME = re.compile(r"[\s\[=<>!~]")
Record = Mapping[str, Any]


def records_of(data: bytes, what: str) -> dict[str, Record]:
    """Return file name → record of the packages a repodata.json lists, those in ``.tar.bz2`` included.

    Raises:
        FormatError: it is no repodata.json.
    """
    found = entries_of(data, what)
    if all({"name", "version", "build"} <= one.keys() for one in found.values()):
        return found
    raise FormatError(f"{what}: not a repodata.json: a record without name, version or build")


def entries_of(data: bytes, what: str) -> dict[str, Record]:
    """Return file name → what a document of a channel, repodata.json or run_exports.json, has of a package.

    Raises:
        FormatError: it is no such document.
    """
    try:
        index = json.loads(data)
        found: dict[str, Record] = {**index.get("packages", {}), **index["packages.conda"], **_revised(index)}
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise FormatError(f"{what}: not a repodata.json ({type(error).__name__})") from error
    if all(isinstance(one, dict) for one in found.values()):
        return found
    raise FormatError(f"{what}: not a repodata.json: a record that is no object")


def revised(data: bytes) -> set[str]:
    """Return the file names of the packages that a repodata.json, which was read before, has below ``v3``."""
    return set(_revised(json.loads(data)))


def removed_in(data: bytes) -> list[str]:
    """Return the file names that a repodata.json, which was read before, names as taken out."""
    return [str(one) for one in json.loads(data).get("removed") or ()]


def _revised(index: Mapping[str, Any]) -> dict[str, Record]:
    """Return what stands below ``v3``, by file name as elsewhere; it counts where a package is there twice."""
    there = index.get(V3, {})
    return {f"{stem}{suffix}": one for suffix in SUFFIXES for stem, one in there.get(suffix[1:], {}).items()}


def md5_sums(records: Mapping[str, Record]) -> dict[str, str]:
    """Return sha256 → MD5 of the packages that have both."""
    return {str(one["sha256"]): str(one["md5"]) for one in records.values() if one.get("md5") and one.get("sha256")}


def lacking(records: Iterable[Record]) -> list[str]:
    """Return the names that packages depend on and none of them has; virtual packages are the machine's."""
    names, needed = set(), set()
    for one in records:
        names.add(one["name"])
        needed |= {depended(spec) for spec in one.get("depends", ())}
    return sorted(name for name in needed - names if not name.startswith("__"))


@functools.lru_cache(1 << 14)
def depended(spec: str) -> str:
    """Return the name in a match spec of a record's ``depends``."""
    return _AFTER_NAME.split(spec.strip(), maxsplit=1)[0]
