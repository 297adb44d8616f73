"""A snapshot: the immutable, numbered list of everything a site shows. Format: ``docs/formats.md``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from cudepot.catalog.fields import Table, digest_table
from cudepot.catalog.lock import LockedUpstream
from cudepot.catalog.lock_document import parse_upstreams, render_upstreams
from cudepot.catalog.site.document import read_document
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.paths import safe_name

FORMAT = "cudepot-snapshot 1"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLAIN = re.compile(r"(?:(?!\.{1,2}/)[^/\\\x00-\x1f\x7f]+/)*(?!\.{1,2}\Z)[^/\\\x00-\x1f\x7f]+")
"""A path of the site that is beyond doubt."""
_TREE, _AFTER = b',\n "tree": {', b"\n },\n "
"""What a tree is between: in a string there is no line break."""
_DIGEST = re.compile(rb'"sha256": "([0-9a-f]{64}",\n   "size": [0-9]+)')
Named = set[bytes]
"""Objects as documents have them, see :func:`named_as`: fewer things to hash than values would be."""
Tree = Mapping[str, Digest]
"""Site path → content."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of a site.

    Attributes:
        number: 1, 2, 3 …
        created: UTC time as ISO 8601.
        signer: fingerprint of the site key.
        parent: sha256 of the snapshot before, as it was signed; empty for the first.
        lock: the cudepot.lock it was made from.
        upstreams: what each upstream looked like, as the lock says it.
        tree: path → content; does not hold snapshot.json itself.
        rollback: number of the older snapshot whose packages are shown again; 0 for an ordinary one.
        channel: the channel of the site it was made for alone, because roots that its clients have seen are newer;
            empty for what was published.
    """

    number: int
    created: str
    signer: str
    parent: str
    lock: Digest
    upstreams: tuple[LockedUpstream, ...]
    tree: Tree
    rollback: int = 0
    channel: str = ""


class Head(NamedTuple):
    """What a snapshot says of itself: see the attributes of :class:`Snapshot`."""

    number: int
    created: str
    signer: str
    parent: str
    rollback: int
    channel: str
    lock: Digest


def render_snapshot(snapshot: Snapshot) -> bytes:
    """Return the document; equal snapshots give equal bytes."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "number": snapshot.number,
        "created": snapshot.created,
        "signer": snapshot.signer,
        "parent": snapshot.parent,
        "lock": digest_table(snapshot.lock),
        "upstreams": render_upstreams(snapshot.upstreams),
        "tree": {path: digest_table(digest) for path, digest in sorted(snapshot.tree.items())},
    }
    if snapshot.rollback:
        document["rollback"] = snapshot.rollback
    if snapshot.channel:
        document["channel"] = snapshot.channel
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def parse_snapshot(data: bytes, what: str, like: Tree = MappingProxyType({})) -> Snapshot:
    """Return a snapshot; what its tree has in common with that of another one, ``like``, is in memory only once.

    Raises:
        ConfigError: the document is malformed or of another format.
    """
    document, table = read_document(data, what, FORMAT)
    table.value("tree")  # there must be one, be it empty
    tree = table.table("tree")
    return Snapshot(
        table.integer("number", low=1),
        table.text("created"),
        table.text("signer"),
        table.text("parent"),
        table.table("lock").digest(),
        parse_upstreams(table.tables("upstreams")),
        _tree(tree, document["tree"], like, what),
        table.integer("rollback", 0),
        table.text("channel", ""),
    )


def parse_head(data: bytes, what: str) -> Head:
    """Return what a snapshot says of itself, from its document or the beginning of that: the tree is not parsed.

    cudepot sorts the keys: those that are asked for come before ``tree``.

    Raises:
        ConfigError: the document is malformed or of another format.
    """
    before, tree, _ = data.partition(_TREE)
    _, table = read_document(before + b"\n}" if tree else data, what, FORMAT)
    return Head(
        table.integer("number", low=1),
        table.text("created"),
        table.text("signer"),
        table.text("parent"),
        table.integer("rollback", 0),
        table.text("channel", ""),
        table.table("lock").digest(),
    )


def tree_objects(data: bytes, what: str, seen: Named) -> Iterator[Digest]:
    """Give the objects of a snapshot's tree that are not ``seen`` yet, and add them to those.

    Of many snapshots that have most of their trees in common this takes a tenth of what parsing them takes.

    Raises:
        ConfigError: the document is malformed or of another format.
    """
    fresh = named_objects(data, what) - seen
    seen |= fresh
    yield from map(meant_by, fresh)


def named_objects(data: bytes, what: str) -> Named:
    """Return the objects of a snapshot's tree as its document has them; raise ConfigError as :func:`tree_objects`."""
    tree = data.partition(_TREE)[2].partition(_AFTER)[0]
    found = _DIGEST.findall(tree)
    if not tree or len(found) != tree.count(b'"sha256":'):  # not as cudepot writes it
        found = [named_as(one) for one in parse_snapshot(data, what).tree.values()]
    return set(found)


def meant_by(name: bytes) -> Digest:
    """Return the object that a document names so."""
    return Digest(name[:64].decode(), int(name.rpartition(b" ")[2]))


def named_as(digest: Digest) -> bytes:
    """Return how the tree of a document names an object."""
    return b'%s",\n   "size": %d' % (digest.sha256.encode(), digest.size)


def _tree(table: Table, plain: Mapping[str, Any], like: Tree, what: str) -> Tree:
    tree: dict[str, Digest] = {}
    known = {path: (path, digest) for path, digest in like.items()}
    for path in table.names():
        name, before = known.get(path, ("", None))
        one = plain[path]
        if before is not None and one == {"sha256": before.sha256, "size": before.size}:
            tree[name] = before
        elif _is_digest(one) and (name or _PLAIN.fullmatch(path)):
            tree[name or path] = Digest(one["sha256"], one["size"])
        else:
            tree[name or _site_path(path, what)] = table.table(path).digest()
    return tree


def _is_digest(one: Any) -> bool:
    """Return whether a value is a digest beyond doubt: there are 100,000 of them, and others are told what is wrong."""
    return (
        type(one) is dict
        and type(one.get("size")) is int
        and one["size"] >= 0
        and type(one.get("sha256")) is str
        and bool(_SHA256.fullmatch(one["sha256"]))
    )


def _site_path(path: str, what: str) -> str:
    if safe_name(path) != path:
        raise ConfigError(f"{what}: {path!r} is not a plain path")
    return path
