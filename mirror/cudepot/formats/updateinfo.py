"""``updateinfo.xml``: which advisories announced which packages of a yum repository.

Source: createrepo_c's ``xml_parser_updateinfo.c``; dnf reads the same elements through libsolv.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple
from xml.etree import ElementTree

from cudepot.formats.rpm_version import evr
from cudepot.formats.xml_text import parse_xml

_UPDATE = re.compile(rb"<update[\s>].*?</update\s*>", re.DOTALL)
Named = tuple[str, str, str]
"""Name, ``EPOCH:VERSION-RELEASE`` (without epoch where that is 0) and architecture of a package."""


class Advisory(NamedTuple):
    """One advisory.

    Attributes:
        id: as its distribution writes it: ``RHSA-2026:1234``.
        kind: ``security``, ``bugfix``, ``enhancement`` …; empty where it says none.
        severity: ``Critical``, ``Important``, ``Moderate``, ``Low``; empty where it says none.
    """

    id: str
    kind: str = ""
    severity: str = ""

    @property
    def label(self) -> str:
        """The id, and how bad it is where that is said."""
        about = self.severity if self.severity.lower() not in ("", "none") else ""
        return f"{self.id} ({about})" if about else self.id


def advisories_of(text: bytes, packages: Collection[Named], what: str) -> dict[Named, list[Advisory]]:
    """Return the advisories that name some packages, in the order of the document.

    Args:
        text: the document, uncompressed.
        packages: of interest.
        what: how errors name the document.

    Raises:
        FormatError: an advisory that may be about one of them is malformed.
    """
    found: dict[Named, list[Advisory]] = {}
    versions = {version.partition("-")[0].rpartition(":")[2].encode() for _, version, _ in packages}
    for entry in (one[0] for one in _UPDATE.finditer(text)):
        if any(one in entry for one in versions):
            update = parse_xml(entry, what)
            for one in set(_named(update)).intersection(packages):
                found.setdefault(one, []).append(_advisory(update))
    return found


def _named(update: ElementTree.Element) -> Iterator[Named]:
    for one in update.iter("package"):
        get = one.get
        version = evr(get("epoch") or "0", get("version", ""), get("release", ""))
        yield get("name", ""), version, get("arch", "")


def _advisory(update: ElementTree.Element) -> Advisory:
    told = ((update.findtext(key) or "").strip() for key in ("id", "severity"))
    named, severity = told
    return Advisory(named, update.get("type", ""), severity)
