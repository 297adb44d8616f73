"""What publishing did, as a value, and which packages came and went by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cudepot.catalog.ecosystems import row_of
from cudepot.catalog.nvidia.site_paths import below
from cudepot.catalog.site.clients import FOLDER
from cudepot.catalog.site.snapshot import Tree
from cudepot.workflows.nvidia.paths import NO_COPIES, Copies
from cudepot.workflows.publish.hold import Hold
from cudepot.workflows.publish.parts import Held

if TYPE_CHECKING:
    from cudepot.depot.room import Room
    from cudepot.kinds.compared import Compared


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What publishing did.

    Attributes:
        number: the snapshot shown now (or that would be, in a dry run).
        fresh: whether it is a new snapshot.
        added, removed: site paths of packages that came and went.
        files, bytes: the whole tree.
        site: what a web server has to show: a folder or ``s3://…``.
        held: what is not published as the lock says, and why.
        unsigned: a line for each upstream that nobody signed.
        unsolvable: a line for each repository that is allowed although not all of it can be installed.
        notes: a line for each upstream that could not be locked, and for what NVIDIA's paths lack.
        foreign: what the conda channel leaves to another one.
        copies: what NVIDIA's paths take a second time in a bucket.
        compared: how what was built differs from packages of upstreams that it can take the place of.
        hold: the rollback that holds: ``added`` and ``removed`` are what is not shown because of it; None for none.
        room: of a dry run, what the site's disk would have to take.
    """

    number: int
    fresh: bool
    added: tuple[str, ...]
    removed: tuple[str, ...]
    files: int
    bytes: int
    site: str
    held: tuple[Held, ...] = ()
    unsigned: tuple[str, ...] = ()
    unsolvable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    copies: Copies = NO_COPIES
    compared: tuple[Compared, ...] = ()
    hold: Hold | None = None
    room: tuple[Room, ...] = ()


def moves_of(before: Tree, tree: Tree) -> tuple[tuple[str, ...], tuple[str, ...], int, int]:
    """Return the packages that came and went, and how many files and bytes the tree has."""
    came, went = (
        tuple(path for path in sorted(one) if is_package(path))
        for one in (tree.keys() - before.keys(), before.keys() - tree.keys())
    )
    return came, went, len(tree), sum(one.size for one in set(tree.values()))


def is_package(path: str) -> bool:
    """Return whether a path of the site is a package's own, and not its second one below NVIDIA's, nor a client's."""
    return row_of(path) is not None and not below(path) and not path.startswith(FOLDER)
