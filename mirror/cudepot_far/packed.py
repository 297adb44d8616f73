"""What packed objects hold: gzip, bzip2 and xz by the standard library, Zstandard by the system's libzstd.

libzstd.so.1 is on every Debian, Ubuntu and RHEL of the last years, because dpkg, apt or rpm need it; where it is not,
that is said, and nothing is guessed. Its functions and their use: zstd.h, version 1.4.0.
"""

import bz2
import ctypes
import ctypes.util
import lzma
import zlib
from typing import Any, BinaryIO, Callable, Iterator, Optional, Tuple

from cudepot_far.errors import ConfigError, FormatError
from cudepot_far.values import CHUNK

_XZ_MEMORY = 160 << 20
_WINDOW_LOG, _WINDOW_LOG_MAX = 27, 100  # bits of the largest window, and libzstd's number of that parameter
_FEED = 1 << 16
NO_ZSTD = "bring a bundle that was written with `cudepot bundle export --with-cudepot`, or libzstd.so.1 of this system"


def unpacked(stream: BinaryIO, what: str, limit: int) -> Iterator[bytes]:
    """Give what a packed stream holds; plain bytes pass.

    Raises:
        FormatError: damaged, cut short, or more than ``limit`` bytes.
        ConfigError: Zstandard, and this machine has no libzstd.
    """
    head = stream.read(6)
    left = limit
    for chunk in _streams(head, stream, what):
        left -= len(chunk)
        if left < 0:
            raise FormatError(f"{what}: unpacks to more bytes than allowed", "do not use it")
        yield chunk


def _streams(head: bytes, stream: BinaryIO, what: str) -> Iterator[bytes]:
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return zstd(head, stream, what)
    for magic, make in _KINDS:
        if head.startswith(magic):
            return _decoded(head, stream, make, what)
    return _plain(head, stream)


def _plain(head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    while head:
        yield head
        head = stream.read(CHUNK)


class _Gzip:
    """zlib's decompressor with the manners of those of bz2 and lzma; 64 KiB of input give 64 MiB at most."""

    def __init__(self) -> None:
        self._engine = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def needs_input(self) -> bool:
        return not self._engine.eof

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        return self._engine.unused_data

    def decompress(self, data: bytes, _: int) -> bytes:
        return self._engine.decompress(data)


def _xz() -> Any:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


_KINDS: Tuple[Tuple[bytes, Callable[[], Any]], ...] = (
    (b"\x1f\x8b", _Gzip),
    (b"\xfd7zXZ\0", _xz),
    (b"BZh", bz2.BZ2Decompressor),
)


def _decoded(feed: bytes, stream: BinaryIO, make: Callable[[], Any], what: str) -> Iterator[bytes]:
    """Give what one stream, or several one behind the other, hold."""
    engine = make()
    try:
        while True:
            while not engine.eof:
                yield engine.decompress(feed, CHUNK)
                feed = stream.read(_FEED) if engine.needs_input else b""
                if engine.needs_input and not engine.eof and not feed:
                    raise EOFError("the compressed data end early")
            feed = _behind(engine.unused_data, stream)
            if not feed:
                return
            engine = make()
    except (lzma.LZMAError, zlib.error, OSError, EOFError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FormatError(f"{what}: damaged or cut short ({error})", "copy the file again") from error


def _behind(feed: bytes, stream: BinaryIO) -> bytes:
    """Return what follows a stream and the zero bytes that .xz pads it with, however many; empty at the end."""
    feed = feed or stream.read(_FEED)
    while feed and not feed.strip(b"\0"):
        feed = stream.read(_FEED)
    return feed.lstrip(b"\0")


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer, which are alike."""

    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t)]


def library() -> Optional[ctypes.CDLL]:
    """Return the system's libzstd, its functions declared; None where there is none that is new enough."""
    try:
        found = ctypes.CDLL("libzstd.so.1")
        for name in ("createDCtx", "freeDCtx", "decompressStream", "isError", "DCtx_setParameter", "DCtx_refPrefix"):
            getattr(found, "ZSTD_" + name).restype = ctypes.c_size_t
    except (OSError, AttributeError):
        return None
    found.ZSTD_createDCtx.restype = ctypes.c_void_p
    found.ZSTD_freeDCtx.argtypes = [ctypes.c_void_p]
    found.ZSTD_isError.argtypes = [ctypes.c_size_t]
    found.ZSTD_isError.restype = ctypes.c_uint
    found.ZSTD_DCtx_setParameter.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    found.ZSTD_DCtx_refPrefix.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    buffer = ctypes.POINTER(_Buffer)
    found.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, buffer, buffer]
    return found


def zstd(head: bytes, stream: BinaryIO, what: str, base: bytes = b"") -> Iterator[bytes]:
    """Give what Zstandard frames hold; ``base`` is what a patch (``zstd --patch-from``) was made from.

    Raises:
        FormatError: damaged, cut short, or made from another base.
        ConfigError: this machine has no libzstd.
    """
    engine = library()
    if engine is None:
        raise ConfigError(f"{what}: is packed with Zstandard, and this machine has no libzstd.so.1", NO_ZSTD)
    context = engine.ZSTD_createDCtx()
    try:
        engine.ZSTD_DCtx_setParameter(context, _WINDOW_LOG_MAX, _WINDOW_LOG)
        if base:
            engine.ZSTD_DCtx_refPrefix(context, base, len(base))
        yield from _frames(engine, context, head, stream, what)
    finally:
        engine.ZSTD_freeDCtx(context)


def _frames(engine: Any, context: int, feed: bytes, stream: BinaryIO, what: str) -> Iterator[bytes]:
    room, wanted = ctypes.create_string_buffer(CHUNK), 1
    while feed:
        source = _Buffer(ctypes.cast(ctypes.c_char_p(feed), ctypes.c_void_p), len(feed), 0)
        full = True
        while source.pos < source.size or full:
            out = _Buffer(ctypes.cast(room, ctypes.c_void_p), CHUNK, 0)
            wanted = engine.ZSTD_decompressStream(context, ctypes.byref(out), ctypes.byref(source))
            if engine.ZSTD_isError(wanted):
                raise FormatError(f"{what}: damaged, or a patch of something else", "copy the file again")
            full = out.pos == CHUNK
            if out.pos:
                yield room.raw[: out.pos]
        feed = stream.read(_FEED)
    if wanted:
        raise FormatError(f"{what}: cut short", "copy the file again")
