"""What an sdist says of itself, as METADATA of the wheel that it stands for. Pure.

Source: the core metadata specification, and PEP 643 for what a build may still change.
"""

from __future__ import annotations

import email.message
import email.parser
import re

_KEPT = ("Requires-Python", "Requires-Dist", "Provides-Extra")
_STATIC_SINCE = (2, 2)
_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")


def is_told(pkg_info: bytes) -> bool:
    """Return whether an sdist says for certain what its wheels require (PEP 643); else only a build tells."""
    found = _headers(pkg_info)
    version = _VERSION.fullmatch(str(found.get("Metadata-Version", "")).strip())
    if version is None or (int(version[1]), int(version[2])) < _STATIC_SINCE:
        return False
    dynamic = {str(one).strip().lower() for one in found.get_all("Dynamic", [])}
    return not dynamic & {"requires-dist", "provides-extra", "requires-python"}


def as_metadata(pkg_info: bytes, project: str, version: str) -> bytes:
    """Return METADATA with what a resolver looks for, under the name and version that the file itself has."""
    found = _headers(pkg_info)
    lines = ["Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}"]
    for name in _KEPT:
        lines += [f"{name}: {' '.join(str(one).split())}" for one in found.get_all(name, [])]
    return "\n".join([*lines, "", ""]).encode(errors="replace")


def requirements(metadata: bytes) -> frozenset[tuple[str, str]]:
    """Return what a resolver looks for in METADATA, as (header, value), however it is ordered and folded."""
    found = _headers(metadata)
    return frozenset((name, " ".join(str(one).split())) for name in _KEPT for one in found.get_all(name, []))


def no_metadata(project: str, version: str) -> bytes:
    """Return METADATA of what only holds a name: for no Python, so that nobody chooses it.

    uv passes over upper bounds: ``<0`` would be one.
    """
    return f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\nRequires-Python: >=99\n\n".encode()


def _headers(pkg_info: bytes) -> email.message.Message:
    return email.parser.BytesParser().parsebytes(pkg_info, headersonly=True)
