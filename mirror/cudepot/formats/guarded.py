"""Readers that keep a hostile or damaged artifact from doing harm: bounded, and failing as FormatError only."""

from __future__ import annotations

import functools
import io
from typing import BinaryIO

from cudepot.digest import CHUNK
from cudepot.errors import FormatError

DEFAULT_LIMIT = 64 << 30
"""Bytes an artifact may unpack to unless the caller says otherwise; NVIDIA's largest unpack to about 5 GiB."""
MOST_MEMBERS = 10_000
"""Files an artifact may have; NVIDIA's have some hundreds."""
_MOST_TIMES, _ALWAYS = 100, 64 << 20

_HINT = "download the file again and compare its sha256 with the published one"


def unpacked_limit(packed: int) -> int:
    """Return how many bytes an artifact of ``packed`` bytes may unpack to.

    A hundred times as many, and 64 MiB in any case: NVIDIA's unpack to less than ten times their size.

    >>> unpacked_limit(268_000) >> 20
    89
    """
    return min(DEFAULT_LIMIT, _ALWAYS + _MOST_TIMES * packed)


@functools.cache
def _damage() -> tuple[type[BaseException], ...]:
    """Return every way a decoder has of failing; loading all of them takes longer than reading a small index."""
    import lzma  # noqa: PLC0415
    import struct  # noqa: PLC0415
    import tarfile  # noqa: PLC0415
    import zipfile  # noqa: PLC0415
    import zlib  # noqa: PLC0415

    import zstandard  # noqa: PLC0415

    plain = (EOFError, IndexError, NotImplementedError, OverflowError, RuntimeError, ValueError)
    of_decoders = (lzma.LZMAError, struct.error, tarfile.TarError, zipfile.BadZipFile, zlib.error, zstandard.ZstdError)
    return plain + of_decoders


def damaged(what: str, error: BaseException | str) -> FormatError:
    """Return the error that says ``what`` cannot be unpacked."""
    return FormatError(f"{what}: damaged or cut short ({error or 'unexpected end'})", hint=_HINT)


class Guard:
    """Context in which every way a decoder has of failing becomes a FormatError about ``what``.

    Errors of the system below (an OSError with an errno) pass through: they say nothing about the artifact.
    """

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        if isinstance(error, _damage()) or (isinstance(error, OSError) and error.errno is None):
            raise damaged(self._what, error) from error


class _GuardedRaw(io.RawIOBase):
    """The raw side of :func:`guarded`."""

    def __init__(self, stream: BinaryIO, what: str, limit: int) -> None:
        super().__init__()
        self._stream, self._what, self._left = stream, what, limit

    def readable(self) -> bool:
        """Return True: this is a reader."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill ``buffer`` as far as one read allows."""
        with Guard(self._what):
            chunk = self._stream.read(len(buffer))
        self._left -= len(chunk)
        if self._left < 0:
            raise FormatError(
                f"{self._what}: unpacks to more bytes than allowed",
                hint="the file may be a decompression bomb: do not use it",
            )
        buffer[: len(chunk)] = chunk
        return len(chunk)


def guarded(stream: BinaryIO, what: str, limit: int, *, buffer: int = CHUNK) -> BinaryIO:
    """Wrap ``stream`` so that it gives at most ``limit`` bytes and fails only with FormatError about ``what``."""
    return io.BufferedReader(_GuardedRaw(stream, what, limit), buffer)


class _SliceRaw(io.RawIOBase):
    """The raw side of :func:`sliced`."""

    def __init__(self, stream: BinaryIO, size: int, what: str) -> None:
        super().__init__()
        self._stream, self._left, self._what = stream, size, what

    def readable(self) -> bool:
        """Return True: this is a reader."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill ``buffer`` from what is left of the slice."""
        chunk = self._stream.read(min(len(buffer), self._left))
        if not chunk and self._left and len(buffer):
            raise damaged(self._what, f"{self._left} bytes are missing")
        self._left -= len(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)


def sliced(stream: BinaryIO, size: int, what: str) -> BinaryIO:
    """Return the next ``size`` bytes of ``stream`` as a stream; it raises FormatError when they are not all there."""
    return io.BufferedReader(_SliceRaw(stream, size, what), min(CHUNK, max(size, 1)))


def drain(stream: BinaryIO) -> None:
    """Read ``stream`` to its end, so that checksums and digests at the end are looked at."""
    while stream.read(CHUNK):
        pass
