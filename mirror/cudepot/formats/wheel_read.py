"""Reads wheels (NVIDIA's, or anybody's) as a stream of members that cannot do harm.

Format: the binary distribution format, PEP 427; the zip below it as ``zipfile`` reads it.
"""

from __future__ import annotations

import re
import zipfile
from typing import BinaryIO

from cudepot.errors import FormatError
from cudepot.formats.guarded import DEFAULT_LIMIT, Guard
from cudepot.formats.members import Members
from cudepot.formats.zip_read import MOST_IN_WHEELS, check_directory, checked_members, read_zip

_HOSTILE = "the file may be hostile: do not use it"
_MOST_METADATA = 4 << 20
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")


def read_wheel(stream: BinaryIO, *, limit: int = DEFAULT_LIMIT, what: str = "wheel") -> Members:
    """Give the files of a wheel in archive order; see :func:`cudepot.formats.zip_read.read_zip`."""
    return read_zip(stream, limit=limit, what=what, most=MOST_IN_WHEELS)


def read_metadata(stream: BinaryIO, *, what: str = "wheel") -> bytes:
    """Return the text of ``*.dist-info/METADATA`` exactly as packed (the core metadata specification).

    Raises:
        FormatError: not a wheel, or not exactly one METADATA of at most 4 MiB.
    """
    check_directory(stream, what)
    with Guard(what), zipfile.ZipFile(stream) as archive:
        found = [
            one for name, one in checked_members(archive, DEFAULT_LIMIT, what).items() if _METADATA.fullmatch(name)
        ]
        if len(found) != 1 or found[0].file_size > _MOST_METADATA:
            raise FormatError(f"{what}: {len(found)} METADATA files, but there must be exactly one", hint=_HOSTILE)
        with archive.open(found[0]) as text:
            return text.read(found[0].file_size)
