"""Puts the libraries around cuDNN (cuBLAS, NVRTC) into place under the names they call themselves by, their SONAMEs.

Their names do not follow cuDNN's rules (``libnvrtc-builtins.so.12.9``), and nobody links against them here: no links
are added and no headers taken. Wheels hold just these names; in debs and rpms they are links to a file with the full
version in its name, so that a release gives the same payload in every form.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.library import LibraryInfo
from cudepot.formats.payload import Found, Payload, PayloadFile, Role
from cudepot.formats.payload_assemble import MissingPartError, by_name, resolve
from cudepot.formats.payload_check import PayloadReport, read_library
from cudepot.formats.release import Release
from cudepot.ports import OpenObject


def assemble_shipped(release: Release, found: Sequence[Found]) -> Payload:
    """Return the payload of ``release``: ``lib/NAME`` or ``bin/NAME`` for each library, and ``LICENSE``.

    Raises:
        FormatError: a link to nothing, one name with two contents, or no library or licence at all.
    """
    named = by_name(found)
    behind = {_target(one, named) for one in found if one.link}
    files: dict[str, PayloadFile] = {}
    for one in sorted(found, key=lambda each: (each.claim.rank, each.name)):
        if one.name in behind:
            continue  # the link to it has the name that counts
        digest = resolve(one, named)
        path = _path(release, one)
        first = files.setdefault(path, PayloadFile(path, one.claim.role, digest))
        if first.digest != digest and one.claim.role is not Role.LICENCE:
            raise FormatError(f"two files of {release.product} are called {path} and differ")
    for role, words in ((Role.RUNTIME, "runtime library"), (Role.LICENCE, "licence text")):
        if role not in {one.role for one in files.values()}:
            raise MissingPartError(role, f"no {words} in the artifacts of {release.product} {release.version}")
    return Payload(release, tuple(files[path] for path in sorted(files)))


def _target(one: Found, named: Mapping[str, Found]) -> str:
    """Return the member a link leads to, by its name in the artifact."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(one.name), one.link))
    return target if target in named else ""


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
