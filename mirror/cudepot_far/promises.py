"""What indexes of repositories promise of packages, and how their text is read: what apt's and yum's have in common.

What an upstream signed is read as its clients read it. What the site itself signed is read strictly: whatever no
cudepot writes there, and some client might follow all the same, is refused.
"""

import hashlib
import io
import re
from typing import BinaryIO, Callable, Dict, Iterator, List, NamedTuple, Set, Tuple, cast

from cudepot_far.errors import FarError, FormatError, TrustError
from cudepot_far.packed import unpacked
from cudepot_far.store import Store
from cudepot_far.values import Digest

_HINT = "the near side or the bundle cannot be trusted: do not import it"
LIMIT = 8 << 30  # bytes an index may unpack to
ENTRY = 64 << 20  # bytes of one package's entry in an index
SUM = re.compile(r"(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{128})")
SIZE = re.compile(r"[0-9]{1,18}")


class Promise(NamedTuple):
    """What an index says of a file: name of a strong hash, its value, bytes."""

    algorithm: str
    value: str
    size: int

    def kept_by(self, store: Store, digest: Digest) -> bool:
        """Return whether an object of the store is what was promised; it is read where that is no sha256."""
        if self.algorithm == "sha256":
            return (self.value, self.size) == tuple(digest)
        if self.size != digest.size or not store.has(digest):
            return False
        one = hashlib.sha512()
        for chunk in store.chunks(digest):
            one.update(chunk)
        return one.hexdigest() == self.value


Chunks = Iterator[bytes]


class Kind(NamedTuple):
    """One kind of repository.

    Attributes:
        type: of upstreams.
        room: folder of the site.
        suffix: of packages.
        roots: where clients begin.
        leads_to: gives path → promise of what a root names; with ``ours`` strictly.
        leads_to_lists: gives the paths of a root's indexes that list packages.
        lists: gives what is promised of every package of an index; with ``ours`` strictly.
    """

    type: str
    room: str
    suffix: str
    roots: Tuple[str, ...]
    leads_to: Callable[..., Dict[str, Promise]]
    leads_to_lists: Callable[[bytes, str], Set[str]]
    lists: Callable[..., Iterator[Promise]]


def same_text(first: bytes, second: bytes) -> bool:
    """Return whether two texts differ in white space at the ends of lines alone, as signing one does."""
    return _trimmed(first) == _trimmed(second)


def _trimmed(text: bytes) -> List[bytes]:
    return [line.rstrip(b" \t\r") for line in text.rstrip().split(b"\n")]


def refuse(what: str, why: str, ours: bool) -> FarError:
    """Return the error for an index that cannot be followed; with ``ours``, one that the site made."""
    if ours:
        return TrustError(f"{what}: is not in the form cudepot writes: {why}", _HINT)
    return TrustError(f"{what}: {why}: the index does not lead to its packages", "do not import this bundle")


def plain_text(chunks: Chunks, what: str, ours: bool) -> Chunks:
    """Give the text of an index, whatever it is packed with."""
    try:
        yield from unpacked(cast(BinaryIO, _Stream(chunks)), what, LIMIT)
    except FormatError as error:
        raise refuse(what, str(error), ours) from error


class _Stream(io.RawIOBase):
    """Chunks as a stream to read from."""

    def __init__(self, chunks: Chunks) -> None:
        super().__init__()
        self._chunks, self._left = chunks, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._left += chunk
        found, self._left = self._left[:size], self._left[size:]
        return found
