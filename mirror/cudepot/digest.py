"""Hashing in one place: what a piece of content is (sha256 and size), and streams that check it.

Stdlib ``hashlib`` only. MD5 and SHA-1 appear where a format demands them (Release files, repodata) and never
carry trust, so they are asked for with ``usedforsecurity=False``, which keeps them available on FIPS hosts.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from cudepot.errors import FormatError, TrustError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

CHUNK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA512 = re.compile(r"[0-9a-f]{128}")


class Hasher(Protocol):
    """The part of a ``hashlib`` object used here."""

    def update(self, data: ReadableBuffer, /) -> None:
        """Add bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far, in lower-case hex."""


def hasher(name: str = "sha256") -> Hasher:
    """Return a fresh ``hashlib`` object for ``name`` (``sha256``, ``sha512``, ``md5``, ``sha1``)."""
    return hashlib.new(name, usedforsecurity=name not in ("md5", "sha1"))


def hexdigest(data: ReadableBuffer, name: str = "sha256") -> str:
    """Return the hex digest of ``data`` under algorithm ``name``."""
    one = hasher(name)
    one.update(data)
    return one.hexdigest()


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """What identifies content everywhere in cudepot: sha256 in lower-case hex, and size in bytes."""

    sha256: str
    size: int

    def __post_init__(self) -> None:
        if not _SHA256.fullmatch(self.sha256):
            raise FormatError(f"not a sha256 of 64 lower-case hex digits: {self.sha256[:80]!r}")
        if self.size < 0:
            raise FormatError(f"negative size: {self.size}")

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """Return the digest of bytes in memory."""
        return cls(hexdigest(data), len(data))

    @classmethod
    def of_stream(cls, stream: BinaryIO, *also: Hasher) -> Digest:
        """Return the digest of the rest of ``stream``, read in chunks; hashers in ``also`` get the same bytes."""
        one, size = hasher(), 0
        while chunk := stream.read(CHUNK):
            for each in (one, *also):
                each.update(chunk)
            size += len(chunk)
        return cls(one.hexdigest(), size)

    def kept_by(self, stream: BinaryIO) -> bool:
        """Return whether the rest of ``stream`` is that content."""
        return Digest.of_stream(stream) == self


@dataclass(frozen=True, slots=True)
class Promise:
    """What an index says of content whose sha256 it does not tell: sha512 and size.

    It proves the bytes, but names nothing: objects are known by their :class:`Digest`, which is learnt by reading
    them once.
    """

    sha512: str
    size: int

    def __post_init__(self) -> None:
        if not _SHA512.fullmatch(self.sha512):
            raise FormatError(f"not a sha512 of 128 lower-case hex digits: {self.sha512[:140]!r}")

    def checked(self, chunks: Iterable[bytes], what: str) -> Iterator[bytes]:
        """Give the chunks on, and raise TrustError in the end unless they are what was promised."""
        one, seen = hasher("sha512"), 0
        for chunk in chunks:
            one.update(chunk)
            seen += len(chunk)
            if seen > self.size:
                raise self._broken(what, f"more than {self.size} bytes")
            yield chunk
        if seen != self.size:
            raise self._broken(what, f"{seen} bytes where {self.size} were promised")
        if one.hexdigest() != self.sha512:
            raise self._broken(what, f"sha512 is {one.hexdigest()} where {self.sha512} was promised, at the same size")

    def kept_by(self, stream: BinaryIO) -> bool:
        """Return whether the rest of ``stream`` is what was promised."""
        try:
            for _ in self.checked(iter(lambda: stream.read(CHUNK), b""), ""):
                pass
        except TrustError:
            return False
        return True

    def _broken(self, what: str, how: str) -> TrustError:
        return TrustError(
            f"{what}: {how}", hint="the upstream may be in the middle of an update: run the command again"
        )


def hash_of(promised: Digest | Promise) -> str:
    """Return the hash that something is promised by."""
    return promised.sha256 if isinstance(promised, Digest) else promised.sha512


class VerifyingReader(io.RawIOBase):
    """A reader that fails unless exactly the bytes of ``digest`` pass through it.

    Reading past the declared size, ending early or ending with another hash raises :class:`TrustError`, so
    no caller can forget the check.
    """

    def __init__(self, stream: BinaryIO, digest: Digest, what: str) -> None:
        super().__init__()
        self._stream, self._digest, self._what = stream, digest, what
        self._hash, self._seen = hasher(), 0

    def readable(self) -> bool:
        """Return True: this is a reader."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill ``buffer`` as far as one read allows; raise TrustError when the bytes are not the promised ones."""
        chunk = self._stream.read(len(buffer))
        self._hash.update(chunk)
        self._seen += len(chunk)
        ended = not chunk and len(buffer) > 0
        if ended or self._seen >= self._digest.size:
            self._check()
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _check(self) -> None:
        found = Digest(self._hash.hexdigest(), self._seen)
        if found != self._digest:
            raise mismatch(self._what, self._digest, found)


class MismatchError(TrustError):
    """Bytes that are not the promised ones; ``found`` is what was seen until that was certain."""

    def __init__(self, message: str, *, hint: str = "", expected: Digest, found: Digest) -> None:
        super().__init__(message, hint=hint)
        self.expected, self.found = expected, found


def mismatch(what: str, expected: Digest, found: Digest) -> MismatchError:
    """Return the error that says how the bytes of ``what`` differ from what was promised."""
    if expected.size != found.size:
        return MismatchError(
            f"{what}: {found.size} bytes where {expected.size} were promised (sha256 {expected.sha256[:12]}…)",
            hint="the upstream may be in the middle of an update or the transfer was cut: run the command again",
            expected=expected,
            found=found,
        )
    return MismatchError(
        f"{what}: sha256 is {found.sha256} where {expected.sha256} was promised, at the same size",
        hint="the bytes were replaced or damaged: do not use them; compare with the upstream's signed index",
        expected=expected,
        found=found,
    )
