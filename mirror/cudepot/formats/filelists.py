"""``filelists.xml``: which packages have certain files. The rest of it is only passed on."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import BinaryIO

from cudepot.formats.primary import checksum_of
from cudepot.formats.xml_rules import unescaped
from cudepot.formats.xml_text import Entries

_FILE = re.compile(rb"<file(?:\s[^<>]*)?>([^<]*)</file>")


def owners_of(stream: BinaryIO, paths: Collection[str], what: str) -> dict[str, list[str]]:
    """Return the checksums of packages that have one of the paths, and which; raise FormatError when malformed."""
    found: dict[str, list[str]] = {}
    ends = {path.rpartition("/")[2].encode() for path in paths}
    for entry in Entries(stream, what, "filelists"):
        if any(end in entry for end in ends):
            files = {unescaped(one.decode(errors="replace")) for one in _FILE.findall(entry)}
            mine = sorted(files.intersection(paths))
            if mine:
                found[checksum_of(entry)] = mine
    return found
