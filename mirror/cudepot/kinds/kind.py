"""What a kind of upstream is: up to three small ports, of which it fills what it can.

The module ``kind.py`` of a kind's folder has its :class:`Kind`, and is loaded by every run that has such an upstream;
what it needs for work it loads when there is some: start-up is most of a run that finds nothing new.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import Artifact, Lock, LockedFile, LockedUpstream
from cudepot.catalog.unsolvable import Findings
from cudepot.depot.depot import Depot
from cudepot.digest import Digest, Promise
from cudepot.errors import CudepotError
from cudepot.kinds.rules.offer import Offer
from cudepot.ports import Source

if TYPE_CHECKING:
    from cudepot.catalog.site.bundle import SignedRoot
    from cudepot.catalog.site.choice import Choice
    from cudepot.catalog.site.snapshot import Snapshot, Tree
    from cudepot.kinds.client_held import Hold
    from cudepot.kinds.rules.checked_clients import Checked
    from cudepot.kinds.rules.pin_entries import Spelling

    Verified = Mapping[SignedRoot, bytes]
    """Roots of an upstream whose signature held, with the text that was signed."""
    from cudepot.kinds.shows import Shows

Resolved = tuple[LockedUpstream, tuple[Artifact, ...]]
Remote = Callable[[str, str], Source]
"""Opens a URL; the second argument is what is accepted, as the header ``Accept`` has it."""


@dataclass(frozen=True, slots=True)
class Asking:
    """An upstream that is to be locked.

    Attributes:
        depot: the depot.
        upstream: as cudepot.toml has it.
        before: what is locked of it; None where nothing is.
        findings: where is written down what no client could install.
        rollback: whether a root older than one seen before is accepted.
        accepted: names of packages whose bytes may differ from those locked.
    """

    depot: Depot
    upstream: Upstream
    before: Resolved | None
    findings: Findings
    rollback: bool = False
    accepted: Sequence[str] = ()


class Offered(NamedTuple):
    """What an upstream offers, how pins name it, and what was wrong with the rest of it; none of it for a kind that
    has nothing newer."""

    offers: tuple[Offer, ...] = ()
    spelling: Spelling | None = None
    error: CudepotError | None = None


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
            PinError: a pin or a dependency cannot be had.
            PartlyLockedError: some pins; what the others resolved to is in it.
        """
        ...

    def offers(self, depot: Depot, upstream: Upstream, lock: Lock) -> Offered:
        """Return what there is under the names its pins may mean, where it can have something newer.

        Raises:
            CudepotError: it cannot be asked, or not be believed.
        """
        ...

    def unsigned(self, depot: Depot, lock: Lock, upstream: LockedUpstream) -> str:
        """Return the line that says what of it nobody signed; empty where all is as the kind promises."""
        ...


Listed = tuple[str, Digest | Promise | None]
"""What an index says of a file: where it lies and what it is; None where no strong hash tells."""


class Reader(NamedTuple):
    """What reads the packages of an index, unpacked, and how many bytes it may have then."""

    read: Callable[[BinaryIO, str], Iterator[Listed]]
    limit: int


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


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of upstream, as the registry gives it.

    Attributes:
        locking: how it is locked; None for what is published and no upstream has.
        showing: the module that has its :class:`~cudepot.kinds.shows.Shows` under the name ``SHOWS``; empty for a kind
            whose packages are shown by others.
        vouching: the module that has its :class:`Vouches` under the name ``VOUCHES``; empty where nothing is signed.
        configuring: the module that has its :class:`Configures` under the name ``CONFIGURES``; empty where clients
            need nothing.
        ends: how the path of the root ends that such a client checks, below the repository's folder.
    """

    locking: Locks | None = None
    showing: str = ""
    vouching: str = ""
    configuring: str = ""
    ends: tuple[str, ...] = ()

    @property
    def locks(self) -> Locks:
        """How it is locked; only of a kind of upstream."""
        assert self.locking is not None
        return self.locking

    @property
    def shows(self) -> Shows:
        """How it is shown; only of a kind that is."""
        found: Shows = importlib.import_module(self.showing).SHOWS
        return found

    @property
    def vouches(self) -> Vouches:
        """How its roots lead to packages; only of a kind that vouches."""
        found: Vouches = importlib.import_module(self.vouching).VOUCHES
        return found

    @property
    def configures(self) -> Configures:
        """How its clients are configured; only of a kind that has such."""
        found: Configures = importlib.import_module(self.configuring).CONFIGURES
        return found
