"""One door to every compression NVIDIA ships: told by magic bytes, streamed, memory bounded.

Formats: gzip (RFC 1952), xz (the .xz file format 1.2), bzip2, Zstandard (RFC 8878), or none.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, Protocol, cast

from cudepot.digest import CHUNK
from cudepot.errors import FormatError
from cudepot.formats.guarded import damaged, guarded

_XZ_MEMORY = 160 << 20  # xz -9 needs 65 MiB; more is no ordinary archive
_ZSTD_WINDOW = 1 << 27
_FEED = 1 << 16


class _Decoder(Protocol):
    """What lzma's and bz2's decompressors have in common."""

    @property
    def eof(self) -> bool:
        """Whether the stream's end has been decoded."""

    @property
    def needs_input(self) -> bool:
        """Whether ``decompress`` cannot go on without more bytes."""

    @property
    def unused_data(self) -> bytes:
        """What was fed beyond the stream's end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most ``max_length`` decoded bytes."""


class _DecodingRaw(io.RawIOBase):
    """Decodes streams one after the other; unlike ``lzma.LZMAFile`` it can cap the decoder's memory."""

    def __init__(self, stream: BinaryIO, make: Callable[[], _Decoder], what: str) -> None:
        super().__init__()
        self._stream, self._make, self._what = stream, make, what
        self._decoder = make()

    def readable(self) -> bool:
        """Return True: this is a reader."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill ``buffer`` with what the next compressed bytes give."""
        chunk = b""
        while not chunk and self._advance():
            feed = self._feed() if self._decoder.needs_input else b""
            chunk = self._decoder.decompress(feed, len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _feed(self) -> bytes:
        data = self._stream.read(_FEED)
        if not data:
            raise damaged(self._what, "the compressed data end early")
        return data

    def _advance(self) -> bool:
        """Go to the next stream when this one has ended; return False when nothing follows."""
        if not self._decoder.eof:
            return True
        rest = self._decoder.unused_data or self._stream.read(_FEED)
        # .xz pads streams with zero bytes, however many, and what follows them counts
        while rest and not rest.strip(b"\0"):
            rest = self._stream.read(_FEED)
        if not (rest := rest.lstrip(b"\0")):
            return False
        self._decoder = self._make()
        self._stream = prefixed(rest, self._stream)
        return True


class _PrefixedRaw(io.RawIOBase):
    """The raw side of :func:`prefixed`."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        super().__init__()
        self._head, self._stream = head, stream

    def readable(self) -> bool:
        """Return True: this is a reader."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Give the head first, then the stream."""
        chunk = self._head[: len(buffer)] or self._stream.read(len(buffer))
        self._head = self._head[len(buffer) :]
        buffer[: len(chunk)] = chunk
        return len(chunk)


def prefixed(head: bytes, stream: BinaryIO) -> BinaryIO:
    """Return a stream of ``head`` followed by the rest of ``stream``."""
    return io.BufferedReader(_PrefixedRaw(head, stream), 1 << 16)


# Each library is loaded where its compression is met: an index comes in one of them, and start-up counts.


def _xz_decoder() -> _Decoder:
    import lzma  # noqa: PLC0415

    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


def _gzip(stream: BinaryIO, _what: str) -> BinaryIO:
    import gzip  # noqa: PLC0415

    return cast(BinaryIO, gzip.GzipFile(fileobj=stream, mode="rb"))


def _xz(stream: BinaryIO, what: str) -> BinaryIO:
    return cast(BinaryIO, _DecodingRaw(stream, _xz_decoder, what))


def _bzip2(stream: BinaryIO, what: str) -> BinaryIO:
    import bz2  # noqa: PLC0415

    return cast(BinaryIO, _DecodingRaw(stream, bz2.BZ2Decompressor, what))


def _zstd(stream: BinaryIO, _what: str) -> BinaryIO:
    import zstandard  # noqa: PLC0415

    engine = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    return cast(BinaryIO, engine.stream_reader(stream, read_size=CHUNK, read_across_frames=True))


_KINDS: dict[str, tuple[bytes, Callable[[BinaryIO, str], BinaryIO]]] = {
    "gzip": (b"\x1f\x8b", _gzip),
    "xz": (b"\xfd7zXZ\0", _xz),
    "bzip2": (b"BZh", _bzip2),
    "zstd": (b"\x28\xb5\x2f\xfd", _zstd),
}
_SUFFIXES = {".gz": "gzip", ".tgz": "gzip", ".xz": "xz", ".bz2": "bzip2", ".zst": "zstd", ".tar": "none"}


def compression_of(name: str) -> str:
    """Return the compression a file name claims: ``gzip``, ``xz``, ``bzip2``, ``zstd``, ``none``, or "" for unknown.

    >>> compression_of("data.tar.zst")
    'zstd'
    """
    return _SUFFIXES.get(name[name.rfind(".") :] if "." in name else "", "")


def decompressed(stream: BinaryIO, what: str, *, limit: int, kind: str = "") -> BinaryIO:
    """Return the uncompressed bytes of ``stream``, which need not be seekable; plain bytes pass through.

    A Zstandard frame that is cut off ends silently in the library used: the format inside (tar with its end
    mark) has to notice, and ours does.

    Args:
        stream: compressed or plain bytes.
        what: how errors name the artifact.
        limit: most uncompressed bytes to give; more raise FormatError.
        kind: the compression there must be, as in :func:`compression_of`; any when empty.

    Raises:
        FormatError: another compression; while reading, when the data are damaged, cut short or too many.
    """
    head = stream.read(6)
    found = next((name for name, (magic, _) in _KINDS.items() if head.startswith(magic)), "none")
    if kind not in ("", found):
        raise FormatError(
            f"{what}: compression is {found}, but {kind} is claimed",
            hint="the file is not what its name says: compare its sha256 with the published one",
        )
    whole = prefixed(head, stream)
    return guarded(whole if found == "none" else _KINDS[found][1](whole, what), what, limit)
