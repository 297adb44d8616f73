"""Which Packages indexes an apt client reads of a suite, and how large they may be. Pure.

Source: apt's sources.list(5) and its ``debReleaseIndex``: beside those of a machine's architectures apt reads
``binary-all/Packages``, unless the Release leaves ``all`` out of ``Architectures``, or names ``Packages`` in
``No-Support-for-Architecture-all`` (as Debian does, whose other indexes hold the packages of ``all`` as well).
"""

from __future__ import annotations

from collections.abc import Sequence

from cudepot.formats.apt_release import Release

INDEX_LIMIT = 256 << 20  # bytes an index may unpack to, whatever the Release says; Debian's largest has 50 MB


def index_names(components: Sequence[str], architectures: Sequence[str], release: Release) -> list[str]:
    """Return the names of the indexes, without the ending of a compression; of a flat repository there is one."""
    if not components:
        return ["Packages"]
    return [name for part in components for name in _of_component(part, architectures, release)]


def _of_component(component: str, architectures: Sequence[str], release: Release) -> list[str]:
    names = [f"{component}/binary-{one}/Packages" for one in architectures if one != "all"]
    every = f"{component}/binary-all/Packages"
    # apt does without one that it may read and the Release does not list
    return [*names, every] if _has_all(release) and _lists(release, every) else names


def _has_all(release: Release) -> bool:
    offered = release.fields.get("Architectures", "all").split()
    return "all" in offered and "Packages" not in release.fields.get("No-Support-for-Architecture-all", "").split()


def _lists(release: Release, name: str) -> bool:
    return any(path == name or path.rpartition(".")[0] == name for path in release.promised())
