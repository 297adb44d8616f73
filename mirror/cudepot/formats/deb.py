"""Reads Debian packages: the files they install and their control text.

Format: deb(5), an ar archive of ``debian-binary``, ``control.tar*`` and ``data.tar*``. NVIDIA's packages carry a
further member ``_gpgbuilder``; unknown members are skipped, as deb(5) asks for names that begin with ``_``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from cudepot.errors import FormatError
from cudepot.formats.archive import read_tar
from cudepot.formats.compression import compression_of, prefixed
from cudepot.formats.deb_quick import HEAD, quick_control
from cudepot.formats.guarded import DEFAULT_LIMIT, damaged, drain, sliced
from cudepot.formats.members import Members

_MAGIC = b"!<arch>\n"
_MOST_CONTROL = 64 << 20
_MOST_TEXT = 1 << 20


def _exactly(stream: BinaryIO, size: int, what: str) -> bytes:
    data = stream.read(size)
    while data and len(data) < size and (more := stream.read(size - len(data))):
        data += more
    if data and len(data) < size:
        raise damaged(what, "an ar header is cut off")
    return data


def _header(head: bytes, what: str) -> tuple[str, int]:
    """Return name and size in bytes of the ar member that ``head`` (60 bytes) announces."""
    size = head[48:58].rstrip(b" ")
    if head[58:] != b"`\n" or not size.isdigit():
        raise damaged(what, "an ar header is malformed")
    return head[:16].decode("ascii", "replace").rstrip(" ").rstrip("/"), int(size)


def _ar_members(stream: BinaryIO, what: str) -> Iterator[tuple[str, BinaryIO]]:
    """Give each ar member with a stream of exactly its bytes; what the caller leaves unread is skipped."""
    if _exactly(stream, len(_MAGIC), what) != _MAGIC:
        raise FormatError(f"{what}: not an ar archive", hint="is this really a Debian package?")
    while head := _exactly(stream, 60, what):
        name, size = _header(head, what)
        body = sliced(stream, size, f"{what}: {name}")
        yield name, body
        drain(body)
        # members begin at even offsets
        if size % 2 and stream.read(1) not in (b"\n", b""):
            raise damaged(what, "an ar member is not padded")


def _parts(stream: BinaryIO, prefix: str, what: str) -> Iterator[tuple[str, BinaryIO]]:
    """Give name and stream of the one member that begins with ``prefix``; check the format version on the way."""
    found = 0
    for position, (name, body) in enumerate(_ar_members(stream, what)):
        if position == 0 and (name != "debian-binary" or not body.read(8).startswith(b"2.")):
            raise FormatError(f"{what}: not a Debian package of format 2", hint="is this really a Debian package?")
        if name == prefix or name.startswith(prefix + "."):
            found += 1
            yield name, body
    if found != 1:
        raise FormatError(f"{what}: {found} members {prefix}.*, but there must be exactly one")


def read_deb(stream: BinaryIO, *, limit: int = DEFAULT_LIMIT, what: str = "deb") -> Members:
    """Give the files a Debian package installs, names relative to the root; ``stream`` need not be seekable.

    Raises:
        FormatError: not a deb, or anything :func:`cudepot.formats.archive.read_tar` refuses.
    """
    for name, body in _parts(stream, "data.tar", what):
        yield from read_tar(body, limit=limit, what=what, compression=compression_of(name))


def read_control(stream: BinaryIO, *, what: str = "deb") -> bytes:
    """Return the text of the ``control`` file, exactly as packed (deb-control(5)).

    The stream is read no further than needed, so only a small head of a large package is looked at. Ordinary packages
    go the short way of :mod:`cudepot.formats.deb_quick`.

    Raises:
        FormatError: not a deb, or no control file of at most 1 MiB in it.
    """
    head = stream.read(HEAD)
    text = quick_control(head)
    return text if text is not None else _slow_control(prefixed(head, stream), what)


def _slow_control(stream: BinaryIO, what: str) -> bytes:
    for name, body in _parts(stream, "control.tar", what):
        found = read_tar(body, limit=_MOST_CONTROL, what=f"{what}: control", compression=compression_of(name))
        for member, content in found:
            if member.name == "control" and content is not None and member.size <= _MOST_TEXT:
                return content.read()
        break
    raise FormatError(f"{what}: no control file", hint="is this really a Debian package?")
