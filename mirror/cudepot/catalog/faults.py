"""Decides from the evidence which fault an upstream has; looks at nothing itself.

NVIDIA publishes in steps (index, Release, minutes later the signatures) over edges that keep what they have, so a
mirror meets states in which the parts do not belong together. To name the state is what gets it repaired.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cudepot.digest import Digest, MismatchError
from cudepot.errors import (
    ClockError,
    ConfigError,
    CudepotError,
    CutError,
    FormatError,
    InternalError,
    MissingError,
    PinError,
    SignatureError,
    StaleError,
    TransientError,
    TrustError,
)
from cudepot.formats.dates import parse_date

NEWER = "index newer than its signature"
OLDER = "index older than its signature"
SAME_SIZE = "same size, other content"
OTHER_SIZE = "file has another size than its index says"
MIXED = "edges disagree"
NO_INDEX = "signed root names an index that is not there"
NO_SHARD = "index names a shard that is not there"
APART = "shard is not the one its index names"
NO_FILE = "index names a file that is not there"
NO_ROOT = "root is not there"
STALE = "stale edge (older root)"
TORN = "signature does not fit its root"
CUT = "transfer cut"
OVERLOADED = "overloaded"
UNREACHABLE = "unreachable"
UNTRUSTED = "not trusted"
CLOCK = "this machine's clock is behind"
MALFORMED = "malformed"
PINS = "pins cannot be met"
UNSOLVED = "cannot be solved"
CHANGED = "version changed in place"
GONE = "locked file is gone from its index"
PACKAGE = "package signature does not hold"
INTERNAL = "internal error in cudepot"
SETTINGS = "not configured as it has to be"
OTHER = "cannot be used"

PASSING = frozenset({NEWER, OLDER, SAME_SIZE, OTHER_SIZE, MIXED, NO_INDEX, NO_SHARD, APART, NO_FILE, NO_ROOT, STALE,
                     TORN, CUT, OVERLOADED, UNREACHABLE})  # fmt: skip
"""Faults that may be over when everything is read once more from the root on."""

_KINDS: tuple[tuple[type[CudepotError], str], ...] = (
    (StaleError, STALE),
    (SignatureError, TORN),
    (MismatchError, OTHER_SIZE),
    (ClockError, CLOCK),
    (TrustError, UNTRUSTED),
    (CutError, CUT),
    (TransientError, UNREACHABLE),
    (MissingError, NO_ROOT),
    (FormatError, MALFORMED),
    (PinError, PINS),
    (InternalError, INTERNAL),
    (ConfigError, SETTINGS),
)

Evidence = Mapping[str, "str | int"]


class Served(NamedTuple):
    """What an upstream gives at a URL now: size (-1: not known), sha256 (empty: not known), Last-Modified."""

    size: int = -1
    sha256: str = ""
    modified: str = ""

    def evidence(self) -> dict[str, str | int]:
        """Return what is known of it."""
        found: dict[str, str | int] = {
            "served_size": self.size,
            "served_sha256": self.sha256,
            "last_modified": self.modified,
        }
        return {name: value for name, value in found.items() if value not in ("", -1)}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of an upstream: its kind (one of the texts above), where, and what shows it."""

    kind: str
    url: str
    evidence: Evidence = field(default_factory=dict)

    @property
    def passing(self) -> bool:
        """Whether trying again may help."""
        return self.kind in PASSING

    def line(self) -> str:
        """Return the evidence in words, in one line."""
        return "; ".join(_in_words(self.evidence))


class IndexMismatchError(TrustError):
    """An index that is not the one its root means."""

    def __init__(self, message: str, *, hint: str, fault: Fault) -> None:
        super().__init__(message, hint=hint)
        self.fault = fault


class IndexMissingError(MissingError):
    """An index that its root names and that is not there."""

    def __init__(self, message: str, *, hint: str, fault: Fault) -> None:
        super().__init__(message, hint=hint)
        self.fault = fault


class TornRootError(SignatureError):
    """A root whose signature lacks, or is that of another edition of it: mostly one that follows in some minutes."""

    def __init__(self, message: str, *, hint: str, fault: Fault) -> None:
        super().__init__(message, hint=hint)
        self.fault = fault


class GoneError(MissingError):
    """A file that is locked, and that its upstream no longer offers."""

    def __init__(self, message: str, *, hint: str, fault: Fault) -> None:
        super().__init__(message, hint=hint)
        self.fault = fault


class PackageError(TrustError):
    """A package that nobody who may has signed, or that is not what its signature is of."""

    def __init__(self, message: str, *, hint: str, fault: Fault) -> None:
        super().__init__(message, hint=hint)
        self.fault = fault


def fault_of(error: CudepotError, url: str) -> Fault:
    """Return the fault an error tells of; ``url`` is the upstream's, for errors that name no other place."""
    found = getattr(error, "fault", None)
    if isinstance(found, Fault):
        return found
    kind = next((kind for type_, kind in _KINDS if isinstance(error, type_)), OTHER)
    if isinstance(error, TransientError) and error.status:
        return Fault(OVERLOADED, url, {"status": error.status})
    return Fault(kind, url)


def index_fault(url: str, promised: Digest, served: Served, *, dated: str, beside: Evidence) -> Fault:
    """Return which fault an index shows that does not match its signed root.

    Args:
        url: of the index.
        promised: what the signed root says.
        served: what is there.
        dated: ``Date`` of the signed root.
        beside: what the ``Release`` beside says, unverified and evidence only: ``release_date`` and, when it
            names exactly what is served, ``release_names_served``.
    """
    kind = _index_kind(promised, served, dated, beside)
    return Fault(kind, url, {"root_date": dated, **_promised(promised), **served.evidence(), **beside})


def _index_kind(promised: Digest, served: Served, dated: str, beside: Evidence) -> str:
    if (served.sha256, served.size) == (promised.sha256, promised.size):
        return MIXED
    if served.size == promised.size:
        return SAME_SIZE
    if beside.get("release_names_served") and (order := _later(str(beside.get("release_date", "")), dated)):
        return NEWER if order > 0 else OLDER
    if order := _later(served.modified, dated):
        return NEWER if order > 0 else OLDER
    # NVIDIA only ever appends: where nothing is dated, the longer index is the later one.
    return NEWER if served.size > promised.size else OLDER


def file_fault(url: str, promised: Digest, error: CudepotError, served: Served) -> Fault:
    """Return which fault a package shows that is not available as its index promised it."""
    if isinstance(error, MismatchError):
        if (served.sha256, served.size) == (promised.sha256, promised.size):
            kind = MIXED
        else:
            kind = SAME_SIZE if served.size == promised.size else OTHER_SIZE
        return Fault(kind, url, {**_promised(promised), **served.evidence()})
    if isinstance(error, MissingError):
        return Fault(NO_FILE, url, _promised(promised))
    found = fault_of(error, url)
    return Fault(found.kind, url, {**_promised(promised), **found.evidence})


def _promised(digest: Digest) -> dict[str, str | int]:
    return {"promised_size": digest.size, "promised_sha256": digest.sha256}


def _later(one: str, other: str) -> float:
    """Return by how many seconds ``one`` is later than ``other``; 0 when one of them is no date."""
    first, second = _date(one), _date(other)
    return 0.0 if first is None or second is None else (first - second).total_seconds()


def _date(text: str) -> datetime.datetime | None:
    try:
        return parse_date(text, "Date")
    except FormatError:
        return None


def _in_words(evidence: Evidence) -> list[str]:
    """Return the evidence in words, one part each."""
    parts = [_bytes_in_words(evidence, word) for word in ("served", "promised")]
    names = {
        "last_modified": "Last-Modified",
        "signature_modified": "signature of",
        "root_date": "signed root of",
        "release_date": "unsigned Release of",
    }
    parts += [f"{text} {evidence[key]}" for key, text in names.items() if key in evidence]
    return [one for one in parts if one] + ([f"HTTP {evidence['status']}"] if "status" in evidence else [])


def _bytes_in_words(evidence: Evidence, word: str) -> str:
    size, sha256 = evidence.get(f"{word}_size"), evidence.get(f"{word}_sha256")
    said = [f"{size} bytes" if size is not None else "", f"sha256 {sha256}" if sha256 else ""]
    return f"{word} {', '.join(one for one in said if one)}" if any(said) else ""
