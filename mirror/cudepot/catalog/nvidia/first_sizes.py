"""What the wishes told to ``cudepot init`` come to in bytes, as far as that is known before anything is fetched. Pure.

Sizes of debs and rpms stand in the repositories' indexes, which have not been read yet. The catalog has those of
NVIDIA's archives: the same libraries and headers, compressed alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cudepot.catalog.nvidia.first_pins import Wishes, repository
from cudepot.catalog.nvidia.published import Catalog, Published, Query, select, why_not

_PLATFORMS = {
    "x86_64": "linux-64", "sbsa": "linux-aarch64", "arm64": "linux-aarch64", "aarch64": "linux-aarch64",
    "ppc64le": "linux-ppc64le", "ppc64el": "linux-ppc64le",
}  # fmt: skip


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


def expected(catalog: Catalog, wishes: Wishes) -> tuple[Expected, ...]:
    """Return what is to be expected of each release the wishes mean, in each repository."""
    return tuple(
        one for name in dict.fromkeys(map(repository, wishes.distributions)) for one in _of(catalog, wishes, name)
    )


def _of(catalog: Catalog, wishes: Wishes, name: str) -> Iterator[Expected]:
    platform = _PLATFORMS.get(name.partition("/")[2], "")
    if not platform:
        yield Expected(name, note="nothing is known of packages for this platform")
        return
    query = Query(wishes.cudnn, wishes.cuda, platform)
    best: dict[tuple[str, str], Published] = {}
    for one in select(catalog, query):
        if not one.part and one.form in ("tgz", "tar.xz"):
            first = best.setdefault((one.version, one.cuda), one)
            best[one.version, one.cuda] = max(first, one, key=lambda each: each.size)
    for (version, cuda), one in best.items():
        yield Expected(name, version, cuda, one.file, one.size)
    if not best:
        yield Expected(name, note=why_not(catalog, query) or "no archive of it is known")
