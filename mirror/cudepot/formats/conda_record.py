"""What a channel says of one package: its record, kept as it is, once it is seen to speak of that file.

Sources: CEP 36 (repodata.json), CEP 48 (``v3``), CEP 50 (``attestations_sha256``). Records may differ from what the
package says inside: channels patch them, and solvers go by the record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from cudepot.digest import Digest
from cudepot.errors import FormatError

SUFFIXES = (".conda", ".tar.bz2")
"""Of package files; where a channel has both forms of a package, clients take the first."""
V3 = "v3"
"""The revision of records that know of conditions, extras and flags (CEP 48); older clients do not see them."""
REVISION = "repodata-revision"
"""Under which locks keep the revision of a record, beside what the channel says."""
_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,199}")
_VERSION = re.compile(r"[A-Za-z0-9_.+!*~]{1,128}")
_BUILD = re.compile(r"[A-Za-z0-9_.+]{1,128}")
_PARTS = {"name": _NAME, "version": _VERSION, "build": _BUILD}
_FILE = re.compile(rf"({_NAME.pattern})-({_VERSION.pattern})-({_BUILD.pattern})(?:\.conda|\.tar\.bz2)")
_SPECS: set[str] = set()
"""Specs that were looked at and found good: a channel has the same few over and over."""
_MOST_SPECS = 1 << 16
_PLAIN = (int, bool, type(None))
_HEX = {"md5": re.compile(r"[0-9a-f]{32}"), "sha256": re.compile(r"[0-9a-f]{64}")}
_HASHES = {"md5": "md5", "sha256": "sha256", "legacy_bz2_md5": "md5", "attestations_sha256": "sha256"}
_NOARCH = (None, "", "generic", "python", True, False)
"""What clients read; rattler takes no package of a name of which one says otherwise."""
_MOST_SIZE = 1 << 40
_MOST_TIME = 1 << 53


class Package(NamedTuple):
    """A package of a channel.

    Attributes:
        filename: ``NAME-VERSION-BUILD.conda`` or ``.tar.bz2``.
        record: what the channel says of it; hashes in lower-case hex.
        revision: of the record: empty, or ``v3``, which older clients do not see.
        run_exports: what it says packages built against it need (CEP 12); None where that is not known.
    """

    filename: str
    record: Mapping[str, Any]
    revision: str = ""
    run_exports: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """Name of the package."""
        return str(self.record["name"])

    @property
    def version(self) -> str:
        """Version, as conda writes it."""
        return str(self.record["version"])

    @property
    def build(self) -> str:
        """Build string."""
        return str(self.record["build"])

    @property
    def number(self) -> int:
        """Build number."""
        return int(self.record["build_number"])

    @property
    def stem(self) -> str:
        """File name without its suffix."""
        return without_suffix(self.filename)

    @property
    def digest(self) -> Digest | None:
        """What the file is; None where the record lacks sha256 or size, as those of old channels may."""
        sha256, size = self.record.get("sha256"), self.record.get("size")
        return Digest(sha256, size) if sha256 and size is not None else None


def without_suffix(filename: str) -> str:
    """Return a file name without the suffix of packages.

    >>> without_suffix("zlib-1.3-h1_0.tar.bz2")
    'zlib-1.3-h1_0'
    """
    return filename.removesuffix(SUFFIXES[0]).removesuffix(SUFFIXES[1])


def name_of(filename: str) -> str:
    """Return the name of the package a file name begins with; empty where it is none.

    >>> name_of("ca-certificates-2026.1.1-h1_0.conda")
    'ca-certificates'
    """
    parts = filename.rsplit("-", 2)  # no suffix has a hyphen
    return parts[0] if len(parts) == 3 else ""


def checked(filename: str, record: object, subdir: str, what: str) -> dict[str, Any]:
    """Return a record that may be believed to be of a file; hashes given as bytes become hex.

    Args:
        filename: under which the channel lists it.
        record: as JSON or msgpack has it.
        subdir: that was asked for.
        what: how errors name the index.

    Raises:
        FormatError: it is of another file, or has a value of a wrong type.
    """
    if not isinstance(record, dict):
        raise _odd(what, filename, "its record is no object")
    found = dict(record)
    for key in _HASHES.keys() & found.keys():
        if isinstance(value := found[key], bytes):
            found[key] = value.hex()
    _check_name(filename, found, what)
    if found.get("subdir", subdir) != subdir:
        raise _odd(what, filename, f"its record is of {str(found['subdir'])[:80]!r}")
    _check_numbers(filename, found, what)
    for key in _HASHES.keys() & found.keys():
        value, form = found[key], _HASHES[key]
        if value is not None and not (isinstance(value, str) and _HEX[form].fullmatch(value)):
            raise _odd(what, filename, f"its {key} is no {form}")
    for key in ("depends", "constrains"):
        _check_specs(filename, key, found.get(key, []), what)
    extra = found.get("extra_depends") or {}
    for key, listed in (extra if isinstance(extra, dict) else {"extra_depends": extra}).items():
        _check_specs(filename, str(key), listed, what)
    if found.get("noarch") not in _NOARCH:
        raise _odd(what, filename, "its noarch is none")
    _check_added(filename, found, what)
    _check_text(filename, found, what)
    return found


def _check_specs(filename: str, key: str, listed: object, what: str) -> None:
    if _is_known(listed):
        return
    if not isinstance(listed, list) or not all(isinstance(one, str) and one.strip() for one in listed):
        raise _odd(what, filename, f"its {key} is no list of specs")
    if len(_SPECS) > _MOST_SPECS:
        _SPECS.clear()
    _SPECS.update(filter(str.isascii, listed))


def _is_known(listed: object) -> bool:
    """Return whether something is a list of specs that were found good."""
    try:
        return isinstance(listed, list) and _SPECS.issuperset(listed)
    except TypeError:  # of what is no spec
        return False


def _check_text(filename: str, record: Mapping[str, Any], what: str) -> None:
    """Refuse what JSON cannot say: bytes, times, half of a character."""
    if all(map(_is_plain, record.values())):
        return
    try:
        record_text(record).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise _odd(what, filename, f"its record cannot be written as JSON ({error})") from error


def _is_plain(value: object) -> bool:
    """Return whether JSON can say a value, as a look at it tells."""
    return value.isascii() if isinstance(value, str) else isinstance(value, _PLAIN) or _is_known(value)


def _check_name(filename: str, record: Mapping[str, Any], what: str) -> None:
    found = _FILE.fullmatch(filename)
    if found and found.groups() == (record.get("name"), record.get("version"), record.get("build")):
        return
    stem = f"{record.get('name')}-{record.get('version')}-{record.get('build')}"
    for key, rule in _PARTS.items():
        if not isinstance(part := record.get(key), str) or not rule.fullmatch(part):
            raise _odd(what, filename, "its name, version or build is none")
    if not filename.startswith(stem) or filename[len(stem) :] not in SUFFIXES:
        raise _odd(what, filename, f"its record is of {stem}")


def _check_numbers(filename: str, record: Mapping[str, Any], what: str) -> None:
    size, number = record.get("size", 0), record.get("build_number")
    if type(number) is not int or number < 0:
        raise _odd(what, filename, "it has no build number")
    if size is not None and (type(size) is not int or not 0 <= size <= _MOST_SIZE):
        raise _odd(what, filename, "its size is none")


def _check_added(filename: str, record: Mapping[str, Any], what: str) -> None:
    """Refuse what revision v3 adds to records where it is of another type: an index tells of it, specs ask for it."""
    time, flags = record.get("indexed_timestamp"), record.get("flags")
    if time is not None and (type(time) is not int or not 0 <= time <= _MOST_TIME):
        raise _odd(what, filename, "its indexed_timestamp is no time")
    if flags is not None and not (isinstance(flags, list) and all(isinstance(one, str) for one in flags)):
        raise _odd(what, filename, "its flags are no list of texts")


def record_text(record: Mapping[str, Any]) -> str:
    """Return a record as text; equal records give equal texts, whichever form of index they came from."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _odd(what: str, filename: str, why: str) -> FormatError:
    return FormatError(f"{what}: {filename[:200]!r}: {why}")
