"""The plan of a re-signed yum repository: which metadata bytes describe a list of packages. Pure.

All of it is cut out of the upstream's own metadata: what createrepo_c once read from the rpms is not read again.
Primary, filelists and other pass through entry by entry; the small ones are trimmed in :mod:`.trim` and
:mod:`.modules`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO

from cudepot.catalog.clocks import CLOCKS_APART
from cudepot.catalog.lock import Artifact
from cudepot.errors import FormatError
from cudepot.formats.primary import checksum_of, parse_entry, relocated
from cudepot.formats.repomd import Record, Repomd, parse_repomd
from cudepot.formats.rpm_version import split_evr
from cudepot.formats.xml_rules import escaped
from cudepot.formats.xml_text import Entries

PLAN = "cudepot-yum-1"
"""Stands in repomd.xml; another plan, other bytes: what an older one made is not kept."""

USED = (
    ("primary",),
    ("filelists",),
    ("other",),
    ("updateinfo",),
    ("group_gz", "group", "group_xz", "group_zst", "group_bz2"),
    ("modules",),
)
"""Types of the upstream's metadata that a subset is made from; of one line, the first that is there, as for dnf."""

NEEDED = ("primary", "modules")
"""Types without which dnf would install something else: all others of a subset are left out where they are broken."""

ENDINGS = {"updateinfo": "updateinfo.xml", "group": "comps.xml", "modules": "modules.yaml"}
_FRAMES = {
    "primary": ("metadata", 'xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"'),
    "filelists": ("filelists", 'xmlns="http://linux.duke.edu/metadata/filelists"'),
    "other": ("otherdata", 'xmlns="http://linux.duke.edu/metadata/other"'),
}  # fmt: skip
DESCRIBING = tuple(_FRAMES)
"""Types that describe every package: primary, filelists, other."""


def frame(kind: str, count: int) -> tuple[bytes, bytes]:
    """Return what comes before and behind the entries of ``count`` packages in primary, filelists or other."""
    return _head(kind, count), _tail(kind)


def by_checksum(stream: BinaryIO, rpms: Sequence[Artifact], what: str) -> dict[str, Artifact]:
    """Return the packages by the checksum that the metadata name them by; ``stream`` is the upstream's primary.xml.

    Mostly that is the sha256. Where it is a sha512, the path tells which package is which.
    """
    paths, found = {one.path: one for one in rpms}, dict[str, Artifact]()
    for entry in Entries(stream, what):
        if len(checksum_of(entry)) == 64:
            return {one.digest.sha256: one for one in rpms}
        rpm = parse_entry(entry, what)
        if len(rpm.checksum[1]) == 64:
            return {one.digest.sha256: one for one in rpms}
        if rpm.href in paths:
            found[rpm.checksum[1]] = paths[rpm.href]
    return found


def primary_entries(stream: BinaryIO, rpms: Mapping[str, Artifact], what: str) -> Iterator[bytes]:
    """Give primary.xml for these packages, in pieces.

    Args:
        stream: the upstream's, uncompressed.
        rpms: packages by the checksum that the metadata name them by.
        what: how errors name the stream.

    Raises:
        FormatError: an entry is malformed, does not describe its package, or is missing.
    """
    yield _head("primary", len(rpms))
    wanted = dict(rpms)
    for entry in Entries(stream, what):
        rpm = wanted.pop(_named_in(entry, what), None)
        if rpm is not None:
            yield _described(entry, rpm, what) + b"\n"
    if wanted:
        raise FormatError(
            f"{what}: has no entry for {next(iter(wanted.values())).filename}",
            hint="the upstream's metadata contradicts itself: report it, and pin other packages until it is fixed",
        )
    yield _tail("primary")


def _named_in(entry: bytes, what: str) -> str:
    return checksum_of(entry) or parse_entry(entry, what).checksum[1]


def extra_entries(
    kind: str, stream: BinaryIO, rpms: Mapping[str, Artifact], what: str, lacking: Callable[[str], None]
) -> Iterator[bytes]:
    """Give filelists or other for these packages, in pieces; arguments as above.

    ``lacking`` is called with the name of each package that has no usable entry there: it gets one without content,
    because the number of packages is announced at the beginning.
    """
    element = _FRAMES[kind][0]
    yield _head(kind, len(rpms))
    wanted = dict(rpms)
    for entry in Entries(stream, what, element):
        checksum = checksum_of(entry)
        if checksum in wanted and _is_text(entry):
            del wanted[checksum]
            yield entry + b"\n"
    for checksum, rpm in wanted.items():
        lacking(rpm.filename)
        yield _bare(checksum, rpm)
    yield _tail(kind)


def joined_entries(kind: str, streams: Sequence[BinaryIO], what: str) -> Iterator[bytes]:
    """Give primary, filelists or other of several generations of a repository as one: of each package the first."""
    yield _head(kind, 0)  # nobody reads the number: it is counted anew
    seen: set[str] = set()
    for stream in streams:
        for entry in Entries(stream, what, _FRAMES[kind][0]):
            named = checksum_of(entry)
            if not named or named not in seen:
                seen.add(named)
                yield entry + b"\n"
    yield _tail(kind)


def _head(kind: str, count: int) -> bytes:
    element, space = _FRAMES[kind]
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{element} {space} packages="{count}">\n'.encode()


def _tail(kind: str) -> bytes:
    return f"</{_FRAMES[kind][0]}>\n".encode()


def _is_text(entry: bytes) -> bool:
    try:
        entry.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bare(checksum: str, rpm: Artifact) -> bytes:
    epoch, version, release = map(escaped, split_evr(rpm.version))
    named = f'pkgid="{checksum}" name="{escaped(rpm.name)}" arch="{escaped(rpm.architecture)}"'
    return f'<package {named}><version epoch="{epoch}" ver="{version}" rel="{release}"/></package>\n'.encode()


def _described(entry: bytes, artifact: Artifact, what: str) -> bytes:
    """Return the entry with the package where the site has it; refuse one that speaks of another package."""
    moved = relocated(entry, artifact.filename, what)
    rpm = parse_entry(moved, what)
    if (rpm.name, rpm.evr, rpm.architecture, rpm.size, rpm.href) != (
        artifact.name,
        artifact.version,
        artifact.architecture,
        artifact.digest.size,
        artifact.filename,
    ):
        raise FormatError(f"{what}: describes {artifact.filename} as {rpm.nevra} of {rpm.size} bytes")
    return moved


def same_repository(old: Repomd, records: Sequence[Record]) -> bool:
    """Return whether a repomd.xml names the very same files."""
    return {(one.type, one.href, one.promised) for one in old.records} == {
        (one.type, one.href, one.promised) for one in records
    }


def next_revision(now: datetime.datetime, before: bytes | None) -> int:
    """Return the revision of a new repomd.xml: now in Unix time, but always later than the one before.

    One of the future was made by a wrong clock and does not count.
    """
    last = _revision(before) if before is not None else 0
    return int(now.timestamp()) if _is_late(last, now) else max(int(now.timestamp()), last + 1)


def is_of_the_future(root: bytes, now: datetime.datetime) -> bool:
    """Return whether a repomd.xml was made by a clock that was wrong."""
    return _is_late(_revision(root), now)


def _revision(root: bytes) -> int:
    found = parse_repomd(root, "repomd.xml").revision
    return int(found) if found.isdecimal() else 0


def _is_late(revision: int, now: datetime.datetime) -> bool:
    return revision > now.timestamp() + CLOCKS_APART.total_seconds()


def is_older(root: bytes, seen: bytes) -> bool:
    """Return whether clients that have seen one repomd.xml keep it when they are offered another."""
    return _revision(root) < _revision(seen)
