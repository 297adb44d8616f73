"""What a kind fills to be shown on the site: the port through which verbs publish, roll back and verify repositories.

A kind with a folder per upstream makes one repository of each; another one makes a single repository that all
upstreams share, as a conda channel is. The module that has the port is loaded where there is something to show, and
loads itself what it needs for work.
"""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Lock, LockedUpstream
from cudepot.catalog.site.snapshot import Snapshot, Tree
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.builds import Built
from cudepot.depot.depot import Clock, Depot, Signing, SiteVerifier
from cudepot.digest import Digest
from cudepot.ports import Verifier
from cudepot.store.local import LocalStore

if TYPE_CHECKING:
    from cudepot.kinds.compared import Compared


@dataclass(frozen=True, slots=True)
class Material:
    """What a repository of the site is made of.

    Attributes:
        depot: the depot; new files are put into its store.
        lock: what is published: of one upstream, or of all that share the repository.
        built: packages of this kind that were made here.
        earlier: snapshots before this one, the newest first.
    """

    depot: Depot
    lock: Lock
    built: tuple[Built, ...]
    earlier: Sequence[Snapshot]


class Shows(ABC):
    """Makes repositories of the site, and follows them; a kind fills what there is of it.

    Attributes:
        roots: file names at which clients of such a repository begin, one for each repository.
        is_proved: whether `publish` proves that packages can be installed from a repository that all upstreams share.
    """

    roots: tuple[str, ...] = ()
    is_proved = False

    @abstractmethod
    def tree(self, material: Material) -> dict[str, Digest]:
        """Return site path → content of a repository; empty where there is nothing for it.

        Raises:
            ConfigError: something of it is not in the store, or has not been checked.
            FormatError: it cannot be described.
        """

    def folders(self, config: Config) -> tuple[str, ...]:  # noqa: ARG002
        """Return the folders of the repository that all upstreams share, the one that names it first."""
        return ()

    def unsolvable(
        self, config: Config, store: LocalStore, lock: Lock, name: str, files: Mapping[str, Digest]  # noqa: ARG002
    ) -> Sequence[Unsolvable]:  # fmt: skip
        """Return what no client could install from the files alone and what the lock says the distribution provides.

        Args:
            config: cudepot.toml.
            store: the store.
            lock: what the repository was made of.
            name: of its upstream; of a shared one its folder.
            files: path below the repository → content.
        """
        return ()

    def was_solvable(self, depot: Depot) -> bool:  # noqa: ARG002
        """Return whether all of the shared repository that `publish` looked at last can be installed."""
        return False

    def left_to_others(self, config: Config, store: LocalStore, tree: Tree) -> Sequence[str]:  # noqa: ARG002
        """Return a line for each repository of a tree that needs another one, which clients have to name as well."""
        return ()

    def compared(self, config: Config, store: LocalStore, tree: Tree) -> Sequence[Compared]:  # noqa: ARG002
        """Return how what was built here differs from packages of upstreams that it can take the place of."""
        return ()

    def renewed(
        self, signing: Signing, root: str, old: Snapshot, newest: Snapshot  # noqa: ARG002
    ) -> Mapping[str, Digest]:  # fmt: skip
        """Return what a repository of an older snapshot becomes where it follows ``newest``: what is new of its tree.

        Clients may keep what they have when they are offered an older root, so it is signed again, with a later date.
        """
        return {}

    def is_worn(self, store: LocalStore, clock: Clock, tree: Tree, root: str) -> bool:  # noqa: ARG002
        """Return whether a root has to be signed again before its time of validity ends."""
        return False

    def valid_until(self, store: LocalStore, tree: Tree, root: str) -> datetime.datetime | None:  # noqa: ARG002
        """Return when clients begin to refuse a root; None for never.

        Raises:
            CudepotError: it cannot be read.
        """
        return None

    def is_behind(self, store: LocalStore, tree: Tree, seen: Tree, root: str) -> bool:  # noqa: ARG002
        """Return whether clients that have seen a root in one tree keep it where they are offered that of another."""
        return False

    def faults(self, store: LocalStore, site_verifier: SiteVerifier, snapshot: Snapshot, root: str) -> Iterator[str]:  # noqa: ARG002
        """Give a line for each fault, following a root of the site's own down to the packages, as a client would.

        Raises:
            CudepotError: it cannot be followed.
        """
        return iter(())

    def mirror_faults(
        self,
        store: LocalStore,  # noqa: ARG002
        snapshot: Snapshot,  # noqa: ARG002
        upstream: LockedUpstream,  # noqa: ARG002
        verifier: Callable[[], Verifier],  # noqa: ARG002
    ) -> Iterator[str]:
        """Give the same for a whole mirror: the upstream signed it, so ``verifier`` has the keys pinned for it."""
        return iter(())
