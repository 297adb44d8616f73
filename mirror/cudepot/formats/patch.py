"""What a new edition of a file has that the old one has not: a Zstandard frame, the old one its dictionary. Pure.

Format: RFC 8878, section 5 (raw content as dictionary), as ``zstd --patch-from=OLD`` writes it and
``zstd -d --long=27 --patch-from=OLD`` undoes it. Said is nothing of what the result must be: the caller knows its hash.
"""

from __future__ import annotations

from typing import BinaryIO, cast

from cudepot.formats.guarded import guarded

MOST = 32 << 20
"""Bytes of an edition: both are in memory at once, and both together are within the window."""
_WINDOW_LOG = 27
_FEWER = 2  # one place in 2 ** 2 of the old edition is remembered
_MATCH = 6  # bytes that are looked for: less is found all over a list of hashes


def patch(old: bytes, new: bytes) -> bytes:
    """Return what makes ``new`` out of ``old``; neither has more than :data:`MOST` bytes."""
    import zstandard  # noqa: PLC0415 - where editions are compared

    window = max((len(old) + len(new)).bit_length(), zstandard.WINDOWLOG_MIN)
    places = max(len(old).bit_length() - _FEWER, zstandard.HASHLOG_MIN)  # by default the end of a large one only
    settings = zstandard.ZstdCompressionParameters(
        window_log=window, hash_log=places, strategy=zstandard.STRATEGY_FAST, min_match=_MATCH
    )
    known = zstandard.ZstdCompressionDict(old, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    return zstandard.ZstdCompressor(dict_data=known, compression_params=settings).compress(new)


def patched(old: bytes, stream: BinaryIO, what: str, *, limit: int) -> BinaryIO:
    """Return the bytes that a patch makes out of ``old``.

    Args:
        old: what the patch was made for.
        stream: the patch.
        what: how errors name it.
        limit: most bytes to give; more raise FormatError.

    Raises:
        FormatError: while reading, when it is no patch of ``old``, or damaged.
    """
    import zstandard  # noqa: PLC0415 - where there is a patch

    known = zstandard.ZstdCompressionDict(old, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    engine = zstandard.ZstdDecompressor(dict_data=known, max_window_size=1 << _WINDOW_LOG)
    return guarded(cast(BinaryIO, engine.stream_reader(stream)), what, limit)
