"""Which objects the trees of snapshots name: of each what came and what went since the list before it. Pure."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from cudepot.catalog.fields import Table
from cudepot.digest import Digest
from cudepot.errors import FormatError

_NAMES = re.compile(r"(?:[0-9a-f]{64}:[0-9]{1,18}(?: (?!\Z)|\Z))*")


class ObjectList(NamedTuple):
    """What one snapshot names.

    Attributes:
        snapshot: its number.
        document, signature: both files when the signature held, as :func:`name_of` has it.
        signer: fingerprint of the key that made it.
        came, went: objects that the list before does not name, and that only that one names, likewise.
        files: how many paths the tree has; 0 where they were not counted.
        packages: ecosystem → how many of them are packages.
    """

    snapshot: int
    document: str
    signature: str
    signer: str
    came: Sequence[str]
    went: Sequence[str]
    files: int = 0
    packages: Mapping[str, int] = MappingProxyType({})


def name_of(digest: Digest) -> str:
    """Return ``SHA256:SIZE``: texts are made, hashed and compared in a fraction of the time of values."""
    return f"{digest.sha256}:{digest.size}"


def digest_of(name: str) -> Digest:
    """Return an object as a value."""
    sha256, _, size = name.partition(":")
    return Digest(sha256, int(size))


def size_of(name: str) -> int:
    """Return the bytes of an object."""
    return int(name[65:])


def follow(named: set[str], one: ObjectList) -> None:
    """Make what one list names what the next one does."""
    named.difference_update(one.went)
    named.update(one.came)


def for_those(lists: Iterable[ObjectList], kept: Container[int]) -> Iterator[ObjectList]:
    """Give the lists of snapshots that are ``kept``, each with what changed since the one given before it."""
    came: set[str] = set()
    went: set[str] = set()
    for one in lists:
        _change(came, went, set(one.came))
        _change(went, came, set(one.went))
        if one.snapshot in kept:
            yield one._replace(came=sorted(came), went=sorted(went))
            came, went = set(), set()


def _change(noted: set[str], against: set[str], new: set[str]) -> None:
    """Note what came, or went, where that is no return to how it was."""
    back = against & new
    against -= back
    noted |= new - back


def render_lists(lists: Iterable[ObjectList]) -> dict[str, Any]:
    """Return lists as a document; long texts, because a hundred thousand strings take JSON ten times as long."""
    joined = [one._replace(came=" ".join(one.came), went=" ".join(one.went)) for one in lists]
    return {"lists": [one._asdict() | {"packages": dict(one.packages)} for one in joined]}


def parse_lists(document: Mapping[str, Any]) -> list[ObjectList]:
    """Return the lists of a document; raise CudepotError where it is not one of :func:`render_lists`."""
    return [_parsed(one) for one in Table(document).tables("lists")]


def _parsed(table: Table) -> ObjectList:
    counts = table.table("packages")
    return ObjectList(
        table.integer("snapshot", low=1),
        table.text("document"),
        table.text("signature"),
        table.text("signer"),
        _names(table.text("came")),
        _names(table.text("went")),
        table.integer("files"),
        {name: counts.integer(name) for name in counts.names()},
    )


def _names(text: str) -> list[str]:
    if not _NAMES.fullmatch(text):
        raise FormatError("an object is not written SHA256:SIZE")
    return text.split()
