"""Which bytes each conda package and wheel was ever published with: a name that was shown never gets others.

Clients cache by name, and lockfiles name files; so this must outlive the snapshots that showed them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from cudepot.catalog.ecosystems import Row, packages_in, rows
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.snapshot import Tree
from cudepot.digest import Digest
from cudepot.errors import CudepotError, FormatError, TrustError
from cudepot.sealed import unsealed

Names = Mapping[str, str]
"""Name → sha256. A name is ``SUBDIR/FILE.conda`` or ``FILE.whl``: where the channel lies does not matter."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What one snapshot showed under names that were new, or that had other bytes before.

    Attributes:
        snapshot: its number.
        names: the names with their sha256; there may be none.
    """

    snapshot: int
    names: Names


def names_of(tree: Tree) -> dict[str, str]:
    """Return the names of the packages of a site that are known by name: conda packages, wheels and sdists."""
    named = (one for one in rows() if one.known_by_name)
    found = {path: row for row in named for path in packages_in(tree, row)}
    return {_name(path, found[path]): tree[path].sha256 for path in sorted(found)}


def may_name(document: bytes) -> bool:
    """Return whether the document of a snapshot may have such packages: where it has none, it need not be parsed."""
    rooms = (row.room for row in rows() if row.known_by_name)
    return b"\\u" in document or any(f'"{room}/'.encode() in document for room in rooms)


def _name(path: str, row: Row) -> str:
    """Return ``SUBDIR/FILE`` of ``conda/CHANNEL/SUBDIR/FILE``, and ``FILE`` of ``wheels/FILE``."""
    if row.nested:  # a channel's own name may have slashes
        return "/".join(path.split("/")[-2:])
    return path.split("/", row.folders)[-1]


def parse_shown(line: bytes, what: str) -> Shown:
    """Return a line of the record; raise FormatError when it is not what was written."""
    table = Table(unsealed(line, what))
    try:
        names = table.mapping("names")
        return Shown(table.integer("snapshot", low=1), {name: Digest(one, 0).sha256 for name, one in names.items()})
    except CudepotError as error:
        raise FormatError(f"{what}: {error}", hint="run `cudepot verify --repair`") from error


def render_shown(shown: Shown) -> dict[str, object]:
    """Return a line of the record as a document."""
    return {"snapshot": shown.snapshot, "names": dict(shown.names)}


def known(record: Iterable[Shown]) -> dict[str, list[str]]:
    """Return every name with the sha256 it was ever shown with, the latest last."""
    found: dict[str, list[str]] = {}
    for one in sorted(record, key=lambda each: each.snapshot):
        for name, sha256 in one.names.items():
            found.setdefault(name, []).append(sha256)
    return found


def fresh(names: Names, before: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return what is new in ``names``: never shown, or not with these bytes."""
    return {name: sha256 for name, sha256 in names.items() if sha256 not in before.get(name, ())}


def accepted(lock: Lock) -> set[tuple[str, str]]:
    """Return the changes of bytes, as (sha256 before, sha256 now), that `lock --accept-changed` allowed."""
    pairs = {(one.replaces, one.digest.sha256) for one in lock.artifacts if one.replaces}
    return pairs | {(one.before, one.now) for upstream in lock.upstreams for one in upstream.replaced}


def check_names(tree: Tree, before: Mapping[str, list[str]], allowed: Collection[tuple[str, str]]) -> None:
    """Refuse other bytes under a name that was ever shown; bytes it had before are welcome.

    Args:
        tree: what is to be shown.
        before: see :func:`known`.
        allowed: see :func:`accepted`; only a wheel that is mirrored as it is can be among them.

    Raises:
        TrustError: a name would get other bytes.
    """
    for name, sha256 in fresh(names_of(tree), before).items():
        if name in before and (before[name][-1], sha256) not in allowed:
            raise TrustError(
                f"{name} was published with sha256 {before[name][-1]} and would become {sha256}",
                hint="a published package never changes: raise `number` in [build]; a wheel that upstream changed: "
                "ask why, then see `cudepot lock --accept-changed NAME`",
            )
