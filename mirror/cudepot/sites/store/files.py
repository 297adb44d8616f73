"""Every file that a site has for a snapshot: what its document says, and what was written beside it."""

from __future__ import annotations

from collections.abc import Callable

from cudepot.catalog.site.pointer import DOCUMENT, Written, parse_files
from cudepot.catalog.site.snapshot import Tree, parse_snapshot
from cudepot.digest import Digest
from cudepot.errors import CudepotError

Read = Callable[[Digest], bytes]
"""Reads a small object whole, and checks it."""
NOTHING: Tree = {}


def files_of(number: int, one: Written, read: Read, like: Tree = NOTHING) -> dict[str, Digest]:
    """Return path → content of every file of a snapshot.

    Args:
        number: of the snapshot.
        one: what the pointer says of it.
        read: reads objects.
        like: another tree; what both have is in memory only once.

    Raises:
        StorageError: an object that says so is not in the store, or is not what cudepot writes.
        TrustError: such an object is damaged.
    """
    document = one.extra.get(DOCUMENT)
    tree = own_tree(read(document), number, like) if document else {}
    more = parse_files(read(one.more), f"files of snapshot {number}") if one.more else {}
    return {**tree, **more, **one.extra}


def own_tree(document: bytes, number: int, like: Tree = NOTHING) -> Tree:
    """Return the tree that a snapshot's document has; an empty one where it is none of ours."""
    try:
        return parse_snapshot(document, f"snapshot {number}", like).tree
    except CudepotError:
        return {}
