"""Metadata of an rpm that no repository describes: what createrepo_c reads from its header, without its payload.

createrepo_c wants a file, so the part before the payload is written to one. What it cannot know then (hash and size
of the whole, its place) is filled in; the time of the file is that of the build, so that metadata do not depend on
when somebody copied it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cudepot.createrepo import createrepo
from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.temporary import temporary_folder

_CHANGES = 10
"""Changes of a package that are told, as createrepo_c does it unasked."""


class Entries(NamedTuple):
    """The entries of one package in primary, filelists and other, as UTF-8 text."""

    primary: bytes
    filelists: bytes
    other: bytes


def entries_of(head: bytes, digest: Digest, href: str) -> Entries:
    """Return how a repository describes an rpm.

    Args:
        head: all of the file before its payload.
        digest: of the whole file.
        href: where it is in the repository.

    Raises:
        FormatError: rpm's own library cannot read its header.
    """
    with temporary_folder() as folder:
        path = folder / "head.rpm"
        path.write_bytes(head)
        return _entries(path, digest, href)


def _entries(path: Path, digest: Digest, href: str) -> Entries:
    createrepo_c = createrepo()
    try:
        one = createrepo_c.package_from_rpm(str(path), location_href=href, changelog_limit=_CHANGES)
        one.pkgId, one.checksum_type, one.size_package, one.time_file = (
            digest.sha256,
            "sha256",
            digest.size,
            one.time_build,
        )
        return Entries(*(text.encode() for text in createrepo_c.xml_dump(one)))
    except (createrepo_c.CreaterepoCError, OSError, ValueError) as error:
        why = str(error).removeprefix(f"Cannot load {path}: ")
        raise FormatError(f"{href}: rpm cannot read its header: {why}", hint="download it again") from error
