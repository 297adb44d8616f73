"""``primary.xml``: which packages a yum repository has, what they need, and where they are.

Entries are cut out one at a time and read by createrepo_c, so memory holds values, not documents. A package that is
odd does not spoil the list: what cannot be trusted of it is said when somebody wants it.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from cudepot.createrepo import createrepo
from cudepot.digest import Digest, Promise
from cudepot.errors import CudepotError, FormatError
from cudepot.formats.repomd import promised
from cudepot.formats.rpm_version import evr
from cudepot.formats.xml_rules import escaped, unescaped
from cudepot.formats.xml_text import Entries, parse_xml
from cudepot.paths import safe_name

_OPERATORS = {"EQ": "=", "LT": "<", "GT": ">", "LE": "<=", "GE": ">="}
_WRITTEN = re.compile(r"(\S+) (=|<|>|<=|>=) (\S+)")
_CHECKSUM = re.compile(rb'<checksum type="([a-z0-9]+)" pkgid="YES">([0-9A-Fa-f]+)</checksum>')
_SIZE = re.compile(rb'<size package="([0-9]{1,18})"')
_LOCATION = re.compile(rb'<location href="((?:[^"<>&]|&[a-z]+;)*)"\s*/>')
_ANY_LOCATION = re.compile(rb"<location\s[^<]*?/>|<location\s[^<]*?>\s*</location>")
_PKGID = re.compile(rb"""<package\s[^<>]*?pkgid=["']([0-9A-Fa-f]+)["']""")
_BEGUN = re.compile(rb"<package[\s>]")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+~^:@=-]*\.rpm")
_ELSEWHERE = re.compile(r"https?://[^/@\s]+/[^\x00-\x20\x7f\\]+", re.IGNORECASE)
_STRONG: dict[str, type[Digest] | type[Promise]] = {"sha256": Digest, "sha512": Promise}


class Relation(NamedTuple):
    """A capability, with a bound on its version where ``operator`` is given; a rich one stands in ``name`` whole."""

    name: str
    operator: str = ""
    evr: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.operator} {self.evr}" if self.operator else self.name


def relation_of(text: str) -> Relation:
    """Return what :meth:`Relation.__str__` wrote; a name that holds blanks, which is odd, is a name all the same."""
    found = _WRITTEN.fullmatch(text)
    return Relation(*found.groups()) if found else Relation(text)


@dataclass(frozen=True, slots=True)
class Rpm:
    """One package of the list.

    Attributes:
        evr: ``EPOCH:VERSION-RELEASE``, without epoch where that is 0.
        href: where it is, as written: not yet a safe path.
        base: URL it is below (``xml:base``); empty as a rule: the repository's.
        checksum, size: its digest as written: kind, value, and bytes.
        time: when its file was written, in Unix time.
        files: the paths primary.xml tells, which are not all.
    """

    name: str
    evr: str
    architecture: str
    href: str
    base: str
    checksum: tuple[str, str]
    size: int
    time: int
    requires: tuple[Relation, ...]
    provides: tuple[Relation, ...]
    conflicts: tuple[Relation, ...]
    obsoletes: tuple[Relation, ...]
    files: tuple[str, ...]

    @property
    def nevra(self) -> str:
        """Name, epoch, version, release and architecture as dnf writes them."""
        return f"{self.name}-{self.evr}.{self.architecture}"

    def place(self, url: str) -> str:
        """Return where it is: a safe path below ``url``, which ends in a slash, or else an absolute URL.

        Raises:
            FormatError: no usable place.
        """
        if self.base and "://" not in self.base:
            raise FormatError(f"{self.nevra}: is below {self.base[:200]!r} (xml:base), which is not a URL")
        try:
            return _placed(f"{self.base.rstrip('/')}/{self.href}" if self.base else self.href, url)
        except FormatError as error:
            raise error.retold(f"{self.nevra}: {error}") from error

    @property
    def path(self) -> str:
        """Where it is in its repository, made safe; raise FormatError when it is elsewhere."""
        place = self.place("")
        if "://" in place:
            raise FormatError(
                f"{self.nevra}: is stored elsewhere ({place[:200]})",
                hint="clients of a whole mirror would fetch it from there: pin packages instead",
            )
        return place

    @property
    def file_name(self) -> str:
        """The name it is published under: its own where that is a plain one, else made of its NEVRA."""
        own = self.href.rpartition("/")[2]
        return own if _PLAIN.fullmatch(own) else f"{self.name}-{self.evr.rpartition(':')[2]}.{self.architecture}.rpm"

    @property
    def promised(self) -> Digest | Promise:
        """What the package's bytes must be; raise TrustError without a strong hash, FormatError without a size."""
        if not self.size:
            raise FormatError(f"{self.nevra}: the repository does not give its size", hint="report it upstream")
        return promised(self.checksum[0], self.checksum[1], self.size, self.nevra)


def _placed(href: str, url: str) -> str:
    if "://" not in href:
        inside = href.lstrip("/")  # dnf puts the repository's URL before it
        return safe_name(posixpath.normpath(inside) if "/../" in inside and not inside.startswith("../") else inside)
    if url and href.startswith(url):
        return safe_name(href[len(url) :])
    if not _ELSEWHERE.match(href):
        raise FormatError(f"is stored elsewhere ({href[:200]!r})", hint="only http and https URLs are followed")
    return href


def read_primary(stream: BinaryIO, what: str, odd: Callable[[FormatError], None] | None = None) -> Iterator[Rpm]:
    """Give the packages of an uncompressed primary.xml in their order.

    Args:
        stream: the document.
        what: how errors name it.
        odd: called for each entry that is no package, which is then left out; without it such an entry is an error.

    Raises:
        FormatError: it is malformed.
    """
    for entry in Entries(stream, what):
        try:
            yield parse_entry(entry, what)
        except OddEntryError as error:
            if odd is None:
                raise
            odd(error)


class OddEntryError(FormatError):
    """An entry that is well-formed, and no package: name, version, architecture or checksum is missing."""


def parse_entry(entry: bytes, what: str) -> Rpm:
    """Return the package of one ``<package>`` element."""
    createrepo_c = createrepo()
    found: list[Any] = []
    try:
        createrepo_c.xml_parse_primary_snippet(_decoded(entry, what), pkgcb=found.append)
    except createrepo_c.CreaterepoCError as error:
        kind = OddEntryError if _is_well_formed(entry) else FormatError
        raise kind(f"{what}: an entry cannot be read: {error}: {entry[:120]!r}", hint="report it upstream") from error
    if len(found) != 1 or not (found[0].name and found[0].version and found[0].release and found[0].arch):
        raise OddEntryError(f"{what}: an entry that is not a package: {entry[:120]!r}", hint="report it upstream")
    return _rpm(found[0])


def _is_well_formed(entry: bytes) -> bool:
    space = b'<metadata xmlns:rpm="http://linux.duke.edu/metadata/rpm">'
    try:
        parse_xml(space + entry + b"</metadata>", "")
    except FormatError:
        return False
    return True


def _rpm(one: Any) -> Rpm:
    return Rpm(
        one.name,
        evr(one.epoch or "0", one.version, one.release),
        one.arch,
        one.location_href or "",
        one.location_base or "",
        (one.checksum_type or "", (one.pkgId or "").lower()),
        max(one.size_package, 0),
        one.time_file,
        _relations(one.requires),
        _relations(one.provides),
        _relations(one.conflicts),
        _relations(one.obsoletes),
        tuple(f"{folder}{name}" for _, folder, name, *_ in one.files),
    )


def _relations(entries: Iterable[tuple[Any, ...]]) -> tuple[Relation, ...]:
    return tuple(_relation(one) for one in entries if one[0])  # one without a name says nothing


@functools.lru_cache(maxsize=1 << 16)  # few differ: packages need the same things
def _relation(entry: tuple[Any, ...]) -> Relation:
    name, flags, epoch, version, release = entry[:5]
    operator = _OPERATORS.get(flags or "", "")
    return Relation(name, operator, evr(epoch or "0", version or "", release or "")) if operator else Relation(name)


def listing(stream: BinaryIO, what: str) -> Iterator[tuple[str, Digest | Promise | None]]:
    """Give path of every package and what it has to be; None where only a weak hash tells.

    Entries as createrepo_c writes them are read by three patterns, which is quick; others as a whole.

    Raises:
        FormatError: malformed, or a path that leaves the repository.
    """
    for entry in Entries(stream, what):
        yield _listed(entry, what) or _listed_slowly(entry, what)


def listing_of_ours(stream: BinaryIO, what: str) -> Iterator[tuple[str, Digest | Promise | None]]:
    """Give the same of a list that cudepot wrote, and refuse entries that two readers could read in two ways."""
    for entry in Entries(stream, what):
        if entry.count(b"<checksum") != 1 or entry.count(b"<location") != 1 or len(_BEGUN.findall(entry)) != 1:
            raise FormatError(f"{what}: an entry with two sums or places: {entry[:120]!r}")
        yield _listed(entry, what) or _listed_slowly(entry, what)


def _listed(entry: bytes, what: str) -> tuple[str, Digest | Promise | None] | None:
    found = [pattern.findall(entry) for pattern in (_CHECKSUM, _SIZE, _LOCATION)]
    if any(len(one) != 1 for one in found) or len(_ANY_LOCATION.findall(entry)) != 1:
        return None
    kind, value = (one.decode() for one in found[0][0])
    path = unescaped(_decoded(found[2][0], what))
    if path.startswith("/") or "//" in path or "../" in path:
        return None
    path = safe_name(path)
    return path, _STRONG[kind](value.lower(), int(found[1][0])) if kind in _STRONG else None


def _decoded(text: bytes, what: str) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{what}: not UTF-8, although it claims to be: {text[:120]!r}", hint="report it upstream"
        ) from error


def _listed_slowly(entry: bytes, what: str) -> tuple[str, Digest | Promise | None]:
    rpm = parse_entry(entry, what)
    try:
        known: Digest | Promise | None = rpm.promised
    except CudepotError:
        known = None
    return rpm.path, known


def checksum_of(entry: bytes) -> str:
    """Return the checksum by which an entry of primary, filelists or other names its package; empty if unclear."""
    found = _CHECKSUM.findall(entry)
    if not found:
        return next((one.decode().lower() for one in _PKGID.findall(entry)[:1]), "")
    return found[0][1].decode().lower() if len(found) == 1 else ""


def relocated(entry: bytes, href: str, what: str) -> bytes:
    """Return an entry of primary.xml with another location and nothing else changed; of several, the last stays."""
    parts = _ANY_LOCATION.split(entry)
    if len(parts) < 2:
        raise FormatError(f"{what}: an entry without a location: {entry[:120]!r}")
    return b"".join([*parts[:-1], f'<location href="{escaped(href)}"/>'.encode(), parts[-1]])
