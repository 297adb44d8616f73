"""Core metadata: what METADATA of a wheel requires, and what PKG-INFO of an sdist says of the wheel it makes. Pure.

A build may still change what an sdist says of its wheel (PEP 643), so that this only stands for projects that are not
built, and are named for it. Sources: the core metadata specification, PEP 508 (requirements).
"""

from __future__ import annotations

import contextlib
import email.message
import email.parser
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_KEPT = ("Requires-Python", "Requires-Dist", "Provides-Extra")


def as_metadata(pkg_info: bytes, project: str, version: str) -> bytes:
    """Return METADATA with what a resolver looks for, under the name and version that the file itself has."""
    found = headers(pkg_info)
    lines = ["Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}"]
    for name in _KEPT:
        lines += [f"{name}: {' '.join(str(one).split())}" for one in found.get_all(name, [])]
    return "\n".join([*lines, "", ""]).encode(errors="replace")


def resolver_fields(metadata: bytes) -> frozenset[tuple[str, str]]:
    """Return what a resolver looks for in METADATA, as (header, value), however it is ordered and folded."""
    found = headers(metadata)
    return frozenset((name, " ".join(str(one).split())) for name in _KEPT for one in found.get_all(name, []))


def no_metadata(project: str, version: str) -> bytes:
    """Return METADATA of what only holds a name: for no Python, so that nobody chooses it.

    uv passes over upper bounds: ``<0`` would be one.
    """
    return f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\nRequires-Python: >=99\n\n".encode()


def required(metadata: bytes) -> Iterator[Requirement]:
    """Give what a wheel requires; what is no requirement is passed over: installers refuse it in their own words."""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - not all who read METADATA ask

    for line in headers(metadata).get_all("Requires-Dist", []):
        with contextlib.suppress(InvalidRequirement, RecursionError):
            yield Requirement(str(line))


def headers(metadata: bytes) -> email.message.Message:
    """Return the fields of METADATA or PKG-INFO, without the description."""
    return email.parser.BytesParser().parsebytes(metadata, headersonly=True)
