"""What environments came to when they were locked, as values: every ``lock`` loads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cudepot.catalog.lock import Lock
    from cudepot.depot.rounds import Failure


class TargetSize(NamedTuple):
    """What a target has: its name, what sort of machine it is, how many projects, and bytes."""

    name: str
    machine: str
    projects: int
    bytes: int


class Moved(NamedTuple):
    """A package of an environment that goes to another version, and why.

    Attributes:
        name, version: of the package, as it would be.
        upstream: where it comes from.
        source: what that says of itself: ``Debian-Security bookworm-security``; empty where it says nothing.
        advisories: ids of what it announced the version with.
    """

    name: str
    version: str
    upstream: str
    source: str
    advisories: tuple[str, ...]

    def line(self) -> str:
        """Return where it comes from and why, in one line."""
        source = f"{self.upstream}: {self.source}" if self.source else self.upstream
        return ", ".join([source, *self.advisories])


class EnvironmentSize(NamedTuple):
    """What an environment has of one kind of packages, and how it differs from before.

    Attributes:
        name, kind: as in the lock.
        targets: each with its size.
        projects: how many there are, over all targets.
        files, bytes: of all targets together, each file once.
        new_bytes: of those that are not in the store.
        added, removed: ``NAME VERSION`` of what came and went.
        changed: ``NAME OLD -> NEW``.
        moved: why what is new came, where somebody asked for it.
    """

    name: str
    kind: str
    targets: tuple[TargetSize, ...]
    projects: int
    files: int
    bytes: int
    new_bytes: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    moved: tuple[Moved, ...] = ()


class Settled(NamedTuple):
    """What environments came to.

    Attributes:
        lock: that of the pins with the environments.
        failed: those that could not be resolved.
        notes: what is odd about them, a line each.
        sizes: what each has, and how it differs from before.
        document: the lock as it is written; empty where nothing was written out.
    """

    lock: Lock
    failed: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    sizes: tuple[EnvironmentSize, ...] = ()
    document: bytes = b""


class Moves(NamedTuple):
    """What would move.

    Attributes:
        environments: those in which something would, each with what it would have.
        failed: those that cannot be resolved.
    """

    environments: tuple[EnvironmentSize, ...] = ()
    failed: tuple[Failure, ...] = ()
