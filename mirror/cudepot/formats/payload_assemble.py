"""Puts what was found in one or several artifacts of a release into its canonical places.

A tgz, the debs and the wheel of one release give the same payload when NVIDIA shipped the same bytes: links that
only ``update-alternatives`` would make are added, files shipped under their SONAME get their full version back.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.payload import Found, Payload, PayloadFile, Role
from cudepot.formats.release import Release

_MOST_HOPS = 8


class MissingPartError(FormatError):
    """The artifacts of a release lack a whole role: of a package it may be in another one that is not pinned."""

    def __init__(self, role: Role, message: str) -> None:
        super().__init__(message, hint="pass all artifacts of the release")
        self.role = role


_NEEDED = {Role.RUNTIME: "runtime library", Role.HEADER: "header", Role.LICENCE: "licence text"}
_NEEDED_OF_SAMPLES = {Role.SAMPLE: "sample", Role.LICENCE: "licence text"}


def assemble(release: Release, found: Sequence[Found]) -> Payload:
    """Return the payload of ``release`` from all claimed members of all its artifacts.

    Runtime libraries become ``lib/libX.so.M.m.p`` with links ``lib/libX.so.M`` and ``lib/libX.so``; headers
    ``include/x.h`` and ``include/x_vM.h`` as two regular files; static archives ``lib/libX_static.a`` with a link
    ``lib/libX_static_vM.a``; samples ``samples/...``; the licence ``LICENSE``. On Windows DLLs become ``bin/x.dll``,
    import and static libraries ``lib/x.lib``, and headers have the names they came with.

    Raises:
        FormatError: a link to nothing or to another file's content, one canonical file with two contents, a
            version in a name that is not the release's, or no runtime library, header or licence at all.
    """
    named = by_name(found)
    contents: dict[tuple[Role, str], tuple[str, Digest]] = {}
    for one in sorted(found, key=lambda each: (each.claim.rank, each.name)):
        _check_version(release, one)
        _note(contents, _key(release, one), one.name, resolve(one, named))
    _check_complete({role for role, _ in contents})
    files = [file for (role, stem), (_, digest) in contents.items() for file in _places(release, role, stem, digest)]
    return Payload(release, tuple(sorted(files, key=lambda file: file.path)))


def by_name(found: Sequence[Found]) -> dict[str, Found]:
    """Return all members by name; raise FormatError when one name has two contents."""
    named: dict[str, Found] = {}
    for one in found:
        other = named.setdefault(one.name, one)
        if (other.digest, other.link) != (one.digest, one.link):
            raise FormatError(f"{one.name!r} differs between artifacts of one release")
    return named


def resolve(one: Found, named: Mapping[str, Found]) -> Digest:
    """Return the content of ``one``, following links by name within the artifacts."""
    at = one
    for _ in range(_MOST_HOPS):
        if at.digest is not None:
            return at.digest
        target = posixpath.normpath(posixpath.join(posixpath.dirname(at.name), at.link))
        if target not in named:
            break
        at = named[target]
        same = at.claim.role is one.claim.role and (at.claim.stem == one.claim.stem or at.claim.role is Role.SAMPLE)
        if not same:
            raise FormatError(f"{one.name!r} is a link to another file: {at.name!r}")
    raise FormatError(
        f"{one.name!r} is a link to {at.link[:200]!r}, which no artifact contains",
        hint="pass all packages of the release, e.g. libcudnn8 with libcudnn8-dev",
    )


def _check_version(release: Release, one: Found) -> None:
    full = so_version(release)
    major = full.partition(".")[0]
    fitting = {"", major, full} if one.claim.role is Role.RUNTIME and not release.windows else {"", major}
    if one.claim.role is Role.RUNTIME and one.name.endswith(".dll") is not release.windows:
        raise FormatError(
            f"{one.name!r} is not a library for {release.subdir}", hint="is this artifact of that release?"
        )
    if one.claim.version not in fitting:
        raise FormatError(
            f"{one.name!r} has version {one.claim.version}, the release is {release.version}",
            hint="is this artifact of that release?",
        )


def _key(release: Release, one: Found) -> tuple[Role, str]:
    """Return what the content is known by: no twins are made of headers on Windows, so each keeps its name."""
    twin = f"_v{one.claim.version}" if release.windows and one.claim.role is Role.HEADER and one.claim.version else ""
    return one.claim.role, one.claim.stem + twin


def _note(
    contents: dict[tuple[Role, str], tuple[str, Digest]], key: tuple[Role, str], name: str, digest: Digest
) -> None:
    """Enter a content; the first licence (best rank) stays, every other file must be the same everywhere."""
    first, known = contents.setdefault(key, (name, digest))
    if known != digest and key[0] is not Role.LICENCE:
        raise FormatError(f"{name!r} and {first!r} should be the same file but differ")


def _check_complete(present: set[Role]) -> None:
    samples_only = Role.SAMPLE in present <= {Role.SAMPLE, Role.LICENCE}
    for role, words in (_NEEDED_OF_SAMPLES if samples_only else _NEEDED).items():
        if role not in present:
            raise MissingPartError(role, f"no {words} in the artifacts of the release")


def so_version(release: Release) -> str:
    """Return the version libraries carry in their full name: the release's first three parts, ``8.0.5``."""
    return ".".join(release.version.split(".")[:3])


def soname(release: Release, stem: str) -> str:
    """Return what a library of the release must call itself: ``libcudnn_ops.so.9``, ``cudnn_ops64_9.dll``."""
    major = release.version.partition(".")[0]
    return f"{stem}64_{major}.dll" if release.windows else f"{stem}.so.{major}"


def _places(release: Release, role: Role, stem: str, digest: Digest) -> Iterator[PayloadFile]:
    if role is Role.SAMPLE:
        yield PayloadFile(f"samples/{stem}", role, digest)
    elif role is Role.LICENCE:
        yield PayloadFile("LICENSE", role, digest)
    elif release.windows:
        yield _on_windows(release, role, stem, digest)
    else:
        yield from _elsewhere(release, role, stem, digest)


def _on_windows(release: Release, role: Role, stem: str, digest: Digest) -> PayloadFile:
    if role is Role.RUNTIME:
        return PayloadFile(f"bin/{soname(release, stem)}", role, digest)
    return PayloadFile(f"include/{stem}.h" if role is Role.HEADER else f"lib/{stem}.lib", role, digest)


def _elsewhere(release: Release, role: Role, stem: str, digest: Digest) -> Iterator[PayloadFile]:
    major = release.version.partition(".")[0]
    if role is Role.RUNTIME:
        short, full = soname(release, stem), f"{stem}.so.{so_version(release)}"
        yield PayloadFile(f"lib/{full}", Role.RUNTIME, digest)
        yield PayloadFile(f"lib/{short}", Role.LINK, link=full)
        yield PayloadFile(f"lib/{stem}.so", Role.DEVLINK, link=short)
    elif role is Role.HEADER:
        yield PayloadFile(f"include/{stem}.h", role, digest)
        yield PayloadFile(f"include/{stem}_v{major}.h", role, digest)
    elif role is Role.STATIC:
        yield PayloadFile(f"lib/{stem}_static.a", role, digest)
        yield PayloadFile(f"lib/{stem}_static_v{major}.a", role, link=f"{stem}_static.a")
    else:
        raise FormatError(f"lib/{stem}.lib: an import library in a release for {release.subdir}")
