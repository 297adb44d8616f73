"""Reads the tar archives NVIDIA ships (cuDNN 7 to 9), as a stream of members that cannot do harm.

Format: POSIX.1-2017 ustar and pax, GNU tar, under any compression :mod:`cudepot.formats.compression` knows.
"""

from __future__ import annotations

import posixpath
import tarfile
from typing import BinaryIO

from cudepot.digest import CHUNK
from cudepot.errors import FormatError
from cudepot.formats.compression import decompressed
from cudepot.formats.guarded import DEFAULT_LIMIT, MOST_MEMBERS, Guard, drain, guarded
from cudepot.formats.members import Member, Members, safe_name

_MOST_HEADER = 1 << 20
_HOSTILE = "the file may be hostile: do not use it"


class _StrictHeader(tarfile.TarInfo):
    """A tar header that is never skipped in silence.

    ``tarfile`` takes an unreadable header after the first one for the end of the archive, so a damaged archive
    would look like a shorter one; and it reads extended headers and maps of sparse files of any size into memory.
    Distributions patch the inside of ``tarfile``, so only what ``TarFile.next`` itself calls is overridden.
    """

    what = "tar archive"

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> _StrictHeader:
        """Read the next header; raise ``tarfile.ReadError`` when it is missing or damaged."""
        try:
            return super().fromtarfile(tarfile_)
        except (tarfile.EOFHeaderError, tarfile.SubsequentHeaderError):  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"bad header: {error}") from None

    def _proc_member(self, tarfile_: tarfile.TarFile) -> _StrictHeader:
        """Follow an extended header, if this is one, unless its size is absurd."""
        if self.size < 0:
            raise tarfile.ReadError(f"negative size of {self.name[:200]!r}")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise _sparse(self.what, self.name)
        if not self.isfile() and self.size > _MOST_HEADER:
            raise tarfile.ReadError(f"oversized header of {self.name[:200]!r}")
        found: _StrictHeader = super()._proc_member(tarfile_)  # type: ignore[misc]
        if found.sparse is not None or any(key.startswith("GNU.sparse.") for key in found.pax_headers):
            raise _sparse(self.what, found.name)
        return found


def _sparse(what: str, name: str) -> FormatError:
    """Return the error for a file with holes: a few bytes that unpack to any number."""
    return FormatError(f"{what}: {name[:200]!r} is a sparse file, which NVIDIA's archives never contain", hint=_HOSTILE)


def _header_of(name: str) -> type[_StrictHeader]:
    """Return the headers of one archive, which its errors name."""
    return type("_Header", (_StrictHeader,), {"what": name})


def read_tar(
    stream: BinaryIO,
    *,
    limit: int = DEFAULT_LIMIT,
    what: str = "tar archive",
    compression: str = "",
    most: int = MOST_MEMBERS,
) -> Members:
    """Give the members of a tar archive in archive order; ``stream`` need not be seekable.

    Directories are skipped. A hard link is given as a symbolic link to the member it repeats. The stream is
    read to its very end, so a digest checked by the caller's reader covers every byte.

    Args:
        stream: gzip, xz, bzip2, Zstandard or plain tar.
        limit: most uncompressed bytes, of the archive and of all members together.
        what: how errors name the archive.
        compression: the one there must be (``gzip``, ``xz``, …, ``none``); any when empty.
        most: members it may have, folders included.

    Raises:
        FormatError: damaged or cut short, another compression, a name or link that leaves the archive, a sparse
            file, a device or other special file, a name given twice, more than ``limit`` bytes or ``most`` members.
    """
    plain = decompressed(stream, what, limit=limit, kind=compression)
    seen: dict[str, bool] = {}
    total = count = 0
    header = _header_of(what)
    with Guard(what), tarfile.open(fileobj=plain, mode="r|", bufsize=min(CHUNK, limit), tarinfo=header) as tar:
        for info in tar:
            total, count = total + info.size, count + 1
            if info.size < 0 or total > limit or count > most:
                raise FormatError(f"{what}: too many bytes or members at {info.name[:200]!r}", hint=_HOSTILE)
            if info.isdir():
                continue
            member = _member(info, seen, what)
            yield member, None if member.link else _content(tar, info, member, what)
        drain(plain)
    drain(stream)


def _member(info: tarfile.TarInfo, seen: dict[str, bool], what: str) -> Member:
    """Return the checked member for a header and note its name; ``seen`` tells regular files from links."""
    name = safe_name(info.name)
    if name in seen:
        raise FormatError(f"{what}: {name!r} appears twice", hint=_HOSTILE)
    if not (info.isreg() or info.issym() or info.islnk()):
        raise FormatError(f"{what}: {name!r} is a device or other special file", hint=_HOSTILE)
    seen[name] = info.isreg()
    if info.isreg():
        return Member(name, info.size, executable=bool(info.mode & 0o111))
    target = safe_link(name, info.linkname, what) if info.issym() else _repeated(name, info.linkname, seen, what)
    return Member(name, 0, link=target)


def safe_link(name: str, target: str, what: str) -> str:
    """Return ``target`` of the symbolic link ``name`` unchanged; raise FormatError when it leaves the archive."""
    landing = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
    bad = not target or target.startswith("/") or any(ord(c) < 32 or c in "\\\x7f" for c in target)
    if bad or landing == ".." or landing.startswith("../"):
        raise FormatError(f"{what}: link {name!r} points outside the archive: {target[:200]!r}", hint=_HOSTILE)
    return target


def _repeated(name: str, target: str, seen: dict[str, bool], what: str) -> str:
    """Return the hard link ``name`` as a relative symbolic link to an earlier regular member."""
    first = posixpath.normpath(target)
    if not seen.get(first):
        raise FormatError(f"{what}: hard link {name!r} to {first!r}, which is not an earlier file", hint=_HOSTILE)
    return posixpath.relpath(first, posixpath.dirname(name) or ".")


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo, member: Member, what: str) -> BinaryIO:
    content = tar.extractfile(info)
    if content is None:
        raise FormatError(f"{what}: {member.name!r} has no content", hint=_HOSTILE)
    return guarded(content, f"{what}: {member.name}", member.size)  # type: ignore[arg-type]
