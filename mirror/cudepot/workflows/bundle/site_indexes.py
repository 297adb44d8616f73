"""What the site's own indexes of an upstream offer to clients: nothing that its upstream did not sign.

The far side of an air gap asks this: whoever holds the site's key signs these indexes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cudepot.catalog.lock import LockedUpstream
from cudepot.catalog.site.snapshot import Tree
from cudepot.depot.depot import Depot
from cudepot.digest import Digest, Promise
from cudepot.errors import FormatError, TrustError
from cudepot.kinds.registry import vouching

if TYPE_CHECKING:
    from cudepot.kinds.ports import Verified

HINT = "the near side or the bundle cannot be trusted: do not import it"


def is_root(path: str) -> bool:
    """Return whether clients of a repository would begin at a path of the site."""
    return any(path.rpartition("/")[2] in kind.vouches.roots for kind in vouching().values())


def below(tree: Tree, upstream: LockedUpstream) -> Iterator[tuple[str, Digest]]:
    """Give path and content of what a snapshot shows as that upstream's repositories."""
    folders = tuple(f"{folder}/{upstream.name}/" for folder in vouching())
    return ((path, digest) for path, digest in tree.items() if path.startswith(folders))


def own_roots(tree: Tree, upstream: LockedUpstream) -> dict[str, Digest]:
    """Return the roots shown as that upstream's which are not, byte for byte, a root it sent."""
    sent = {root.digest for root in upstream.roots}
    return {path: one for path, one in below(tree, upstream) if is_root(path) and one not in sent}


def offered(depot: Depot, tree: Tree, upstream: LockedUpstream, verified: Verified) -> set[Digest]:
    """Return every package that the site's own indexes of an upstream name: whatever it is called, wherever it lies.

    Raises:
        TrustError: an index is not in the form cudepot writes, or names a package by a weak hash or none.
    """
    found: set[Digest] = set()
    seen: set[Digest | Promise] = set()
    for path, root in own_roots(tree, upstream).items():
        try:
            for kind in vouching().values():
                if path.rpartition("/")[2] in kind.vouches.roots:
                    found |= kind.vouches.offered(depot, path, root, verified, seen)
        except FormatError as error:
            raise TrustError(f"{path}: is not in the form cudepot writes: {error}", hint=HINT) from error
    return found
