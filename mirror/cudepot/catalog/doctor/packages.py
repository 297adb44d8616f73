"""Judges packages and headers: are a package's files the recorded ones, do headers and libraries belong together?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cudepot.catalog.doctor.remedies import reinstall, right_headers
from cudepot.catalog.doctor.values import (
    Copy,
    EnvironmentKind,
    Finding,
    Header,
    Package,
    Severity,
    dotted,
    numbers,
)
from cudepot.catalog.ecosystems import SYSTEM_KINDS, ArtifactKind

ERROR, WARNING = Severity.ERROR, Severity.WARNING
_SHOWN = 3
_SITE = "-packages/"
"""In the path of what is in a folder of Python packages."""


def records(packages: Sequence[Package], named: set[str], copies: Sequence[Copy]) -> Iterator[Finding]:
    """Name packages whose files are gone or changed, and records that contradict each other.

    Args:
        packages: all of them.
        named: real paths and paths of files that another finding names already.
        copies: all of them.
    """
    shared = _shared(packages)
    for one in packages:
        if one.gone:
            yield Finding(
                ERROR, "missing-file", f"{one} records files that are gone: {_some(one.gone)}",
                f"another package removed them; {_tool(one)} thinks that it is "
                "installed, so a plain install does nothing", reinstall(one),
            )  # fmt: skip
        changed = [path for path in one.changed if path not in named and path not in shared]
        if changed:
            yield Finding(
                ERROR, "changed-file", f"{one}: changed since installation: {_some(changed)}",
                "files copied over them, an interrupted update or a damaged disk: mixed versions fail or compute "
                    "nonsense",
                reinstall(one),
            )  # fmt: skip
    yield from _two_cudas(shared)
    yield from _two_records(packages)
    yield from _claims(packages, copies)


def _tool(one: Package) -> str:
    """Return whose records say that a package is there."""
    return "pip" if one.kind == ArtifactKind.WHEEL else one.kind


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


def _shared(packages: Sequence[Package]) -> dict[str, list[Package]]:
    """Return the paths that several packages of different CUDA variants record."""
    owners: dict[str, list[Package]] = {}
    for one in packages:
        for file in one.files:
            owners.setdefault(file.path, []).append(one)
    return {path: several for path, several in owners.items() if len({one.cuda for one in several}) > 1}


def _two_cudas(shared: dict[str, list[Package]]) -> Iterator[Finding]:
    libraries = (several for path, several in shared.items() if ".so" in path)  # headers alone do no harm
    groups = {tuple(str(one) for one in several): several for several in libraries}
    for several in groups.values():
        yield Finding(
            ERROR, "mixed-cuda", f"{' and '.join(map(str, several))} record the same files in {several[0].prefix}",
            "the files there now come from whichever was installed last, perhaps from both",
            f"pip uninstall -y {' '.join(one.name for one in several)}, then install the one that fits your framework",
        )  # fmt: skip


def _two_records(packages: Sequence[Package]) -> Iterator[Finding]:
    seen: dict[tuple[str, str, str], Package] = {}
    for one in packages:
        first = seen.setdefault((one.kind, one.name, one.prefix), one)
        if first.version != one.version and one.kind in (ArtifactKind.WHEEL, ArtifactKind.CONDA) and one.is_cudnn:
            yield Finding(
                ERROR, "package-mismatch", f"{one.prefix} has records of {first} and of {one.version}",
                "an update was interrupted: nothing says which files are "
                    "right", reinstall(max(first, one, key=_version)),
            )  # fmt: skip


def _version(one: Package) -> tuple[int, ...]:
    return numbers(one.version)


def _claims(packages: Sequence[Package], copies: Sequence[Copy]) -> Iterator[Finding]:
    """Name packages that claim another version than their libraries say, where no recorded hash has told it."""
    for one in packages:
        claim = numbers(one.version)[:3]
        owned = [copy for copy in copies if one in copy.packages]
        mine = owned or [
            copy for copy in copies if not one.files and copy.prefix and one.prefix.startswith(copy.prefix)
        ]
        found = {part.version[:3] for copy in mine for part in copy.reached() if part.version}
        fetches = one.kind in SYSTEM_KINDS and not one.files  # Debian's nvidia-cudnn, which updates by itself
        if fetches or one.changed or one.gone:
            continue
        if one.is_cudnn and len(claim) == 3 and found and claim not in found:
            said = ", ".join(sorted(map(dotted, found)))
            yield Finding(
                ERROR, "package-mismatch", f"{one}: the libraries are {said}",
                "files were copied over those of the package, or an update was interrupted: nothing keeps them "
                    "consistent",
                reinstall(one),
            )  # fmt: skip


def headers(found: Sequence[Header], copies: Sequence[Copy], packages: Sequence[Package]) -> Iterator[Finding]:
    """Name headers that are gone, or of another version than each other or the libraries they belong to."""
    for one in found:
        versions = {version[:3] for copy in _beside(one, copies) if (version := copy.version())}
        if one.version is None:
            yield Finding(
                ERROR, "header-missing", f"{one.path} leads to {one.real}, which is missing or has no version",
                "nothing compiles against cuDNN", "install the -dev package again (libcudnn-dev, libcudnn9-dev-cuda-N)",
            )  # fmt: skip
        elif one.other and one.other != one.version:
            yield Finding(
                ERROR, "header-mismatch",
                f"{one.folder}/cudnn.h is {dotted(one.other)}, cudnn_version.h next to it {dotted(one.version)}",
                "code is compiled with the declarations of one version and the number of another",
                f"remove {one.folder}/cudnn*.h and install the headers of one version",
            )  # fmt: skip
        elif versions and one.version[:3] not in versions:
            yield Finding(
                ERROR, "header-mismatch",
                f"{one.path} is {dotted(one.version)}, the libraries are {', '.join(sorted(map(dotted, versions)))}",
                "code compiled with the header calls a library with a different layout",
                right_headers(one, _beside(one, copies), packages),
            )  # fmt: skip
        else:
            yield from _linked(one, _beside(one, copies))


def _linked(header: Header, copies: Sequence[Copy]) -> Iterator[Finding]:
    """Name a ``libcudnn.so``, which compilers link with, that leads to another version than the header beside it."""
    links = [one for copy in copies for one in copy.libraries if one.name == "libcudnn.so" and one.version]
    if header.version and links and header.version[:3] not in {one.version[:3] for one in links if one.version}:
        link, right = links[0], f"libcudnn.so.{header.version[0]}"
        yield Finding(
            ERROR, "header-mismatch",
            f"{header.path} is {dotted(header.version)}, {link.path} leads to {dotted(link.version or ())}",
            "code compiled with the header is linked with a library of a different layout",
            f"ln -sfn {right} {link.path}",
        )  # fmt: skip


def _beside(header: Header, copies: Sequence[Copy]) -> list[Copy]:
    """Return the copies a header belongs to: those beside it, else its environment's, else the system's."""
    top = header.folder.rpartition("/include")[0]
    beside = [one for one in copies if one.folder.rpartition("/lib")[0] == top]
    prefixes = [one for one in copies if one.prefix and header.folder.startswith(f"{one.prefix}/")]
    prefixes = [one for one in prefixes if (_SITE in one.folder) == (_SITE in header.folder)]
    longest = max((len(one.prefix) for one in prefixes), default=0)
    system = [one for one in copies if one.kind in (EnvironmentKind.SYSTEM, EnvironmentKind.FOLDER)]
    return beside or [one for one in prefixes if len(one.prefix) == longest] or system
