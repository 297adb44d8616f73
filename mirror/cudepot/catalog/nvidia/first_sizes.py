"""What the wishes given to ``cudepot init`` come to in bytes, as far as that is known before anything is fetched. Pure.

Sizes of debs and rpms stand in the repositories' indexes, which have not been read yet. The catalog has those of
NVIDIA's archives: the same libraries and headers, compressed alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cudepot.catalog.nvidia.first_pins import Meant
from cudepot.catalog.nvidia.first_releases import platform_of
from cudepot.catalog.nvidia.published import Catalog, Published, Query, select, why_not


@dataclass(frozen=True, slots=True)
class Expected:
    """What one release in one repository comes to.

    Attributes:
        repository: ``ubuntu2004/x86_64``.
        version: of cuDNN; empty where the catalog knows none that is meant.
        cuda: variant as NVIDIA's archive names it.
        archive: the archive whose size this is; empty where none is known.
        bytes: its size; 0 where that is not known.
        note: why nothing is known.
    """

    repository: str
    version: str = ""
    cuda: str = ""
    archive: str = ""
    bytes: int = 0
    note: str = ""


def expected(catalog: Catalog, releases: Iterable[Meant]) -> tuple[Expected, ...]:
    """Return what is to be expected of each release in its repository."""
    return tuple(found for one in releases for found in _of(catalog, one))


def _of(catalog: Catalog, release: Meant) -> Iterator[Expected]:
    name, platform = release.repository, platform_of(release.repository)
    if not platform:
        yield Expected(name, note="nothing is known about packages for this platform")
        return
    query = Query(release.version, release.cuda, platform)
    best: dict[tuple[str, str], Published] = {}
    for one in select(catalog, query):
        if not one.part and one.form in ("tgz", "tar.xz"):
            first = best.setdefault((one.version, one.cuda), one)
            best[one.version, one.cuda] = max(first, one, key=lambda each: each.size)
    for (version, cuda), one in best.items():
        yield Expected(name, version, cuda, one.file, one.size)
    if not best:
        yield Expected(name, note=why_not(catalog, query) or "no archive of it is known")
