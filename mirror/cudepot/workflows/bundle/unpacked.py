"""Objects that need not travel, because less does: plain indexes as packed ones, what was there before as a patch.

Indexes and the snapshot's own document are most of a small increment. Packed indexes are patched as they are: to pack
them anew over there would have to give the same bytes, which nobody can promise. That works where an index only grows,
as NVIDIA's do, because what comes first is packed as before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Set
from typing import BinaryIO

from cudepot.catalog.site.bundle import Manifest, Unpacked
from cudepot.catalog.site.snapshot import Tree
from cudepot.digest import CHUNK, Digest
from cudepot.errors import ConfigError, FormatError, TrustError
from cudepot.store.local import LocalStore

_FORMS = (".xz", ".zst", ".bz2", ".gz")  # the smallest first
_LEAST = 1 << 14  # bytes of a file below which a patch of it is not worth a member of the bundle


def unpackable(
    store: LocalStore, tree: Tree, travelling: Set[Digest], *, plain: bool = False
) -> dict[Digest, Unpacked]:
    """Return those of the travelling objects that unpacking another of them gives, byte for byte, with that one.

    ``plain``: use only what Python's standard library unpacks.
    """
    found: dict[Digest, Unpacked] = {}
    forms = tuple(one for one in _FORMS if not plain or one != ".zst")
    for path, packed in tree.items():
        whole = tree.get(path.removesuffix(ending)) if (ending := f".{path.rpartition('.')[2]}") in forms else None
        if whole is None or whole in found or whole not in travelling or packed not in travelling:
            continue
        if whole != packed and _gives(store, one := Unpacked(whole, packed)):
            found[whole] = one
    return found


def patchable(
    store: LocalStore, editions: Iterable[tuple[Digest, Digest]], travelling: Set[Digest]
) -> dict[Digest, Unpacked]:
    """Return those of the travelling objects that a patch half as large, or less, makes out of what is over there.

    Args:
        store: gets the patches.
        editions: what is over there, and what shall be in its place.
        travelling: what is to travel otherwise.
    """
    from cudepot.formats.patch import MOST, patch  # noqa: PLC0415 - where there is an older edition

    found: dict[Digest, Unpacked] = {}
    for old, new in editions:
        if new not in travelling or new in found or not _LEAST <= new.size <= MOST or old.size > MOST:
            continue
        made = patch(store.read(old), store.read(new)) if store.has(old) else None
        if made and 2 * len(made) < new.size:
            found[new] = Unpacked(new, store.add_bytes(made), old)
    return found


def _gives(store: LocalStore, one: Unpacked) -> bool:
    with contextlib.suppress(FormatError), _opened(store, one) as stream:
        return Digest.of_stream(stream) == one.plain
    return False


@contextlib.contextmanager
def _opened(store: LocalStore, one: Unpacked) -> Iterator[BinaryIO]:
    """Give what a packed object or a patch holds; more than its plain form has is a FormatError."""
    from cudepot.formats.compression import decompressed  # noqa: PLC0415 - where something is to be unpacked

    what, limit = f"object {one.packed.sha256[:12]}…", one.plain.size
    with store.open(one.packed) as handle:
        if one.base is not None:
            with _patched(store, one, one.base, handle) as stream:
                yield stream
        else:
            with decompressed(handle, what, limit=limit) as stream:
                yield stream


def _patched(store: LocalStore, one: Unpacked, base: Digest, handle: BinaryIO) -> BinaryIO:
    from cudepot.formats.patch import MOST, patched  # noqa: PLC0415 - where there is a patch

    what = f"object {one.packed.sha256[:12]}…"
    if max(base.size, one.plain.size) > MOST:
        raise FormatError(f"{what}: a patch of more than {MOST} bytes", hint="cudepot never writes such a bundle")
    if not store.has(base):
        raise ConfigError(
            f"object {base.sha256}, which {what} is a patch of, was lost here",
            hint="send the output of `cudepot bundle missing` to the near side",
        )
    return patched(store.read(base), handle, what, limit=one.plain.size)


def unpack(store: LocalStore, manifest: Manifest) -> None:
    """Bring in what did not travel itself.

    Raises:
        TrustError, FormatError: a packed form or a patch does not hold what the manifest says.
        ConfigError: what is to be patched is not here any more.
    """
    if any(one.base for one in manifest.unpacked) and manifest.base.number:
        store.add_bytes(store.snapshots.read(manifest.base.number)[0])
    for one in manifest.unpacked:
        if not store.has(one.plain):
            _unpack(store, one)


def _unpack(store: LocalStore, one: Unpacked) -> None:
    with store.part(one.plain) as part, _opened(store, one) as stream:
        part.restart()
        while chunk := stream.read(CHUNK):
            part.write(chunk)
        try:
            part.commit()
        except TrustError as error:
            raise error.retold(
                f"unpacking {one.packed.sha256} does not give what the manifest says: {error}"
            ) from error
