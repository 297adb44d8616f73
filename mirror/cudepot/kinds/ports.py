"""The small ports of a kind, of which each fills what it can.

Two more have parts that kinds share: how it is shown (:mod:`.shows`) and how packages are checked (:mod:`.checks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.environments import Environment, Wants
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import (
    Artifact,
    Lock,
    LockedEnvironment,
    LockedFile,
    LockedTarget,
    LockedUpstream,
    Resolved,
)
from cudepot.catalog.site.bundle import SignedRoot
from cudepot.catalog.site.choice import Choice
from cudepot.catalog.site.snapshot import Snapshot, Tree
from cudepot.catalog.solution.exported import Exported
from cudepot.catalog.solution.graph import Graph
from cudepot.depot.depot import Depot
from cudepot.digest import Digest, Promise
from cudepot.kinds.client_held import Hold
from cudepot.kinds.kind import Asking, Because, EnvironmentWords, Offered, Reader, Remote, Solved, Solving
from cudepot.kinds.rules.checked_clients import Checked
from cudepot.ports import Source
from cudepot.store.local import LocalStore

Verified = Mapping[SignedRoot, bytes]
"""Roots of an upstream whose signature held, with the text that was signed."""


class Locks(Protocol):
    """Reads an upstream and says what its pins mean: the port every kind has.

    Attributes:
        is_signed: whether its roots are signed, so that keys are pinned for it.
        names_files: whether its pins name files, not packages.
        grows: whether it can have something newer, without a change of cudepot.toml.
    """

    is_signed: bool
    names_files: bool
    grows: bool

    def parse(self, table: Table, upstream: Upstream) -> Upstream:
        """Return an upstream (so far name and type) with all its table says; raise ConfigError."""
        ...

    def open(self, upstream: Upstream, base: Path, remote: Remote) -> Source:
        """Return where its bytes come from; ``base`` is the folder of cudepot.toml."""
        ...

    def carries(self, upstream: Upstream) -> tuple[str, ...]:
        """Return the kinds of artifacts it can have."""
        ...

    def lock(self, asking: Asking) -> Resolved:
        """Return what the pins mean now, and ``asking.before`` itself where nothing changed.

        Raises:
            UpstreamError: not reachable or inconsistent.
            TrustError: a signature, hash or date does not hold.
            PinError: a pin or a dependency is not available.
            PartlyLockedError: some pins; what the others resolved to is in it.
        """
        ...

    def offers(self, depot: Depot, upstream: Upstream, lock: Lock) -> Offered:
        """Return what there is under the names its pins may mean, where it can have something newer.

        Raises:
            CudepotError: it cannot be asked, or not be believed.
        """
        ...

    def unsigned(self, config: Config, lock: Lock, upstream: LockedUpstream) -> str:
        """Return the line that says what of it nobody signed; empty where all is as the kind promises."""
        ...

    def note_peers(self, depot: Depot, upstream: Upstream) -> None:
        """Note in the store what it has under the names of packages that are built here, for `publish` to compare.

        Raises:
            CudepotError: it cannot be asked, or not be believed.
        """
        ...


class Vouches(Protocol):
    """Follows a root, the upstream's or the site's own, to the packages it vouches for.

    Attributes:
        roots: file names at which clients of such a repository begin.
    """

    roots: tuple[str, ...]

    def promises(self, path: str, text: bytes) -> Mapping[str, Digest | Promise]:
        """Return what a root, whose signature is another matter, says of the indexes it names."""
        ...

    def lists_packages(self, path: str, text: bytes) -> Callable[[str], bool]:
        """Return what tells of an index that a root names whether it names packages."""
        ...

    def main_indexes(self, upstream: LockedUpstream) -> Sequence[LockedFile]:
        """Return the indexes that name all packages of a whole mirror; raise ConfigError where there is none."""
        ...

    def reader(self, path: str) -> Reader:
        """Return what reads an index of packages."""
        ...

    def offered(
        self, depot: Depot, path: str, root: Digest, verified: Verified, seen: set[Digest | Promise]
    ) -> set[Digest]:
        """Return every package that one of the site's own roots leads to.

        Args:
            depot: the depot.
            path: of the root on the site.
            root: its content.
            verified: what the upstream signed of the same repository.
            seen: indexes that were read already; those read now are added.

        Raises:
            FormatError: an index is not as cudepot writes it, or names a package by a weak hash or none.
        """
        ...

    def judge_upstreams(self, depot: Depot, lock: Lock) -> Iterator[Checked]:
        """Give what clients make of the pinned keys, and of what is locked as its upstream signed it."""
        ...

    def judge_site(self, depot: Depot, snapshot: Snapshot) -> Iterator[Checked]:
        """Give what clients make of the roots a snapshot shows."""
        ...


class Configures(Protocol):
    """Writes what clients of its repositories on the site need."""

    def files(
        self, depot: Depot, lock: Lock, tree: Tree, names: Sequence[str], url: str, choice: Choice
    ) -> tuple[Mapping[str, bytes], Hold]:
        """Return the files of the clients of one distribution, by path on the client, and what they are held to.

        Args:
            depot: the depot.
            lock: of what the site shows.
            tree: what it shows.
            names: upstreams whose repositories the clients use.
            url: where clients reach the site, ending in a slash.
            choice: which of the pinned packages they are held to.

        Raises:
            PinError: the choice is about nothing that is there.
        """
        ...

    def package(
        self, depot: Depot, files: Mapping[str, bytes], before: Mapping[str, Digest], number: Callable[[], int]
    ) -> Mapping[str, bytes]:
        """Return a package that installs such files, by its file name; nothing where clients have no such thing.

        Args:
            depot: the depot.
            files: keys and sources, by path on the client.
            before: what the last snapshot had for these clients: a package that says the same keeps its version.
            number: returns that of a new snapshot.
        """
        ...


class Indexes(Protocol):
    """Writes what programs need to use an index that all upstreams share, and no other one."""

    def files(
        self, config: Config, upstreams: Sequence[LockedUpstream], tree: Tree, url: str
    ) -> tuple[str, Mapping[str, Mapping[str, bytes]]]:
        """Return the index's folder, and program → path on the client → content: nothing where there is no such index.

        Args:
            config: cudepot.toml.
            upstreams: of what the site shows.
            tree: what it shows.
            url: where clients reach the site, without a slash at its end.
        """
        ...


class Solves(Protocol):
    """Resolves environments with the ecosystem's own resolver.

    Attributes:
        words: how environments speak of its packages in cudepot.toml.
    """

    words: EnvironmentWords

    def parse(self, table: Table, environment: Environment) -> Wants | None:
        """Return what an ``[[environment]]`` wants of this kind, None for nothing; asks for all keys the kind has.

        Raises:
            ConfigError: a value is wrong, or something is missing beside what is given.
        """
        ...

    def name_of(self, text: str) -> str:
        """Return how the name of a package, as people write it, stands in the lock."""
        ...

    def solve(self, asking: Solving) -> Solved:
        """Return what an environment means now; ``asking.before`` in it where nothing changed.

        Raises:
            ConfigError: a file that it names cannot be read, or an upstream is not there.
            UpstreamError: not reachable or inconsistent.
            TrustError: a hash does not hold.
            PinError: there is no solution, or a project has no package for a target.
        """
        ...

    def remake(self, depot: Depot, lock: Lock, lost: Sequence[Artifact]) -> None:
        """Build artifacts again, of which all that they were built from is in the store; others' are passed over.

        Raises:
            BuildError: one cannot be built here, or is not what is locked.
        """
        ...

    def graph(self, environment: LockedEnvironment, target: LockedTarget, files: Iterable[Artifact]) -> Graph:
        """Return who needs whom among the files of a target; raise ConfigError for one that only others know."""
        ...

    def index(self, environment: str) -> str:
        """Return the folder of the site that has the index of an environment alone; it ends in a slash."""
        ...

    def prove(self, store: LocalStore, environment: LockedEnvironment, tree: Tree) -> tuple[str, ...]:
        """Return what clients of a finished tree would not get as it is locked, a line each; empty for nothing.

        Raises:
            CudepotError: it cannot be found out.
        """
        ...

    def export(self, site: Exported, environment: LockedEnvironment) -> Mapping[str, str]:
        """Return file name → text of what installs an environment, or some targets of it.

        Raises:
            PinError: it cannot be written as one.
        """
        ...

    def suite_folder(self, environment: str) -> str:
        """Return the folder of the site in which an environment may have signed roots of its own; empty for none."""
        ...

    def suite(
        self, depot: Depot, environment: LockedEnvironment, tree: Tree, earlier: Sequence[Snapshot]
    ) -> Mapping[str, Digest]:
        """Return path → content of these roots and their indexes, of an environment that has such.

        Args:
            depot: the depot.
            environment: as it is locked and shown.
            tree: the finished repositories of its upstreams.
            earlier: snapshots before this one, the newest first.
        """
        ...

    def because(self, store: LocalStore, lock: Lock, artifacts: Sequence[Artifact]) -> Mapping[Artifact, Because]:
        """Return why upstreams have these versions, of those of which they say it; ``lock`` has the artifacts."""
        ...

    def client_files(
        self, depot: Depot, lock: Lock, tree: Tree, environment: LockedEnvironment, url: str
    ) -> Mapping[str, bytes]:
        """Return what clients of an environment need, by path below its index, where packages are indexed elsewhere.

        Args:
            depot: the depot.
            lock: of what the site shows.
            tree: what it shows.
            environment: one of the lock.
            url: where clients reach the site, ending in a slash; empty where nothing says so.
        """
        ...

    def commands(self, environment: LockedEnvironment, target: LockedTarget, url: str) -> Mapping[str, str]:
        """Return program → the command that installs all of an environment with it on a target, as people paste it.

        A client of debs or rpms has its repositories set up before. ``url`` is the site's, without a slash at its end.
        """
        ...
