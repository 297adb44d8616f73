"""Objects that need not travel, because a packed form of them does: plain indexes are most of a small increment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Set
from typing import BinaryIO

from cudepot.catalog.bundle import Manifest
from cudepot.catalog.snapshot import Tree
from cudepot.digest import CHUNK, Digest
from cudepot.errors import FormatError, TrustError
from cudepot.workflows.depot import Depot

_FORMS = (".xz", ".zst", ".bz2", ".gz")  # the smallest first


def unpackable(depot: Depot, tree: Tree, travelling: Set[Digest]) -> dict[Digest, Digest]:
    """Return those of the travelling objects that unpacking another of them gives, byte for byte, with that one."""
    found: dict[Digest, Digest] = {}
    for path, packed in tree.items():
        plain = tree.get(path.removesuffix(ending)) if (ending := f".{path.rpartition('.')[2]}") in _FORMS else None
        if plain is None or plain in found or plain not in travelling or packed not in travelling:
            continue
        if plain != packed and _gives(depot, packed, plain):
            found[plain] = packed
    return found


def _gives(depot: Depot, packed: Digest, plain: Digest) -> bool:
    with contextlib.suppress(FormatError), _unpacked(depot, packed, plain) as stream:
        return Digest.of_stream(stream) == plain
    return False


@contextlib.contextmanager
def _unpacked(depot: Depot, packed: Digest, plain: Digest) -> Iterator[BinaryIO]:
    """Give what a packed object holds; more than its plain form has is a FormatError."""
    from cudepot.formats.compression import decompressed  # noqa: PLC0415 - where something is to be unpacked

    what = f"object {packed.sha256[:12]}…"
    with depot.store.open(packed) as handle, decompressed(handle, what, limit=plain.size) as stream:
        yield stream


def unpack(depot: Depot, manifest: Manifest) -> None:
    """Bring in what did not travel itself.

    Raises:
        TrustError, FormatError: a packed form does not hold what the manifest says.
    """
    for plain, packed in manifest.unpacked:
        if depot.store.has(plain):
            continue
        with depot.store.part(plain) as part, _unpacked(depot, packed, plain) as stream:
            part.restart()
            while chunk := stream.read(CHUNK):
                part.write(chunk)
            try:
                part.commit()
            except TrustError as error:
                raise error.retold(
                    f"unpacking {packed.sha256} does not give what the manifest says: {error}"
                ) from error
