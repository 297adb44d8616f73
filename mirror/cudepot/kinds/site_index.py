"""Reads an index that the site itself signs, so that no client can read something else there.

The far side of an air gap asks this: whoever holds the site's key signs these indexes. Whatever no cudepot writes, and
some client might follow all the same, is refused.
"""

from __future__ import annotations

from typing import BinaryIO, cast

from cudepot.digest import Digest, Promise, VerifyingReader
from cudepot.errors import FormatError
from cudepot.formats.compression import decompressed
from cudepot.kinds.kind import Reader
from cudepot.store.local import LocalStore


def packages_of(store: LocalStore, reader: Reader, index: Digest | Promise, what: str) -> set[Digest]:
    """Return the packages of one index, which is hashed again while it is read; none where nobody can fetch it.

    Raises:
        FormatError: it is not as cudepot writes it.
    """
    if not isinstance(index, Digest):
        raise FormatError(f"{what}: only its sha512 is known")
    if not store.has(index):
        return set()
    with store.open(index) as handle:
        checked = cast(BinaryIO, VerifyingReader(handle, index, what))
        with decompressed(checked, what, limit=reader.limit) as text:
            found = {one for _, one in reader.read(text, what)}
    if not all(isinstance(one, Digest) for one in found):
        raise FormatError(f"{what}: has a package without a sha256")
    return {one for one in found if isinstance(one, Digest)}
