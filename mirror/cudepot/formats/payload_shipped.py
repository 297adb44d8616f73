"""Puts the libraries of a wheel around cuDNN (cuBLAS, NVRTC) into place under the names they were shipped with.

Their names do not follow cuDNN's rules (``libnvrtc-builtins.so.12.9``), and nobody links against them here: no links
are added and no headers taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.library import LibraryInfo
from cudepot.formats.payload import Found, Payload, PayloadFile, Role
from cudepot.formats.payload_check import PayloadReport, read_library
from cudepot.formats.release import Release
from cudepot.ports import OpenObject


def assemble_shipped(release: Release, found: Sequence[Found]) -> Payload:
    """Return the payload of ``release``: ``lib/NAME`` or ``bin/NAME`` for each library, and ``LICENSE``.

    Raises:
        FormatError: a link, one name with two contents, or no library or licence at all.
    """
    files: dict[str, PayloadFile] = {}
    for one in sorted(found, key=lambda each: (each.claim.rank, each.name)):
        if one.digest is None:
            raise FormatError(f"{one.name!r} is a link, which wheels do not have")
        path = _path(release, one)
        first = files.setdefault(path, PayloadFile(path, one.claim.role, one.digest))
        if first.digest != one.digest and one.claim.role is not Role.LICENCE:
            raise FormatError(f"two files of {release.product} are called {path} and differ")
    for role, words in ((Role.RUNTIME, "runtime library"), (Role.LICENCE, "licence text")):
        if role not in {one.role for one in files.values()}:
            raise FormatError(f"no {words} in the artifacts of {release.product} {release.version}")
    return Payload(release, tuple(files[path] for path in sorted(files)))


def _path(release: Release, one: Found) -> str:
    if one.claim.role is Role.LICENCE:
        return "LICENSE"
    return f"{'bin' if release.windows else 'lib'}/{one.name.rpartition('/')[2]}"


def check_shipped(payload: Payload, open_object: OpenObject) -> PayloadReport:
    """Check machine, search path and SONAME of all libraries: a library is called what it calls itself.

    Raises:
        FormatError: naming file, claim and finding, where one does not hold.
    """
    libraries = tuple(
        (one.path, _checked(payload.release, one, one.digest, open_object))
        for one in payload.files
        if one.role is Role.RUNTIME and one.digest
    )
    return PayloadReport(libraries, max((info.glibc for _, info in libraries), default=(0, 0)), 0)


def _checked(release: Release, file: PayloadFile, digest: Digest, open_object: OpenObject) -> LibraryInfo:
    with open_object(digest) as stream:
        return read_library(stream, release, file.path, file.path.rpartition("/")[2])
