"""A kind of upstream, as the registry gives it: which of the ports it fills, and the values these take and give.

The module ``kind.py`` of a kind's folder has its :class:`Kind`, and is loaded by every run that has such an upstream;
what it needs for work it loads when there is some: start-up is most of a run that finds nothing new, so the ports
(:mod:`.ports`) are loaded for types alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from cudepot.catalog.config.config import Config
    from cudepot.catalog.config.environments import Environment, Wants
    from cudepot.catalog.config.upstream import Upstream
    from cudepot.catalog.lock import Artifact, Lock, LockedEnvironment, LockedUpstream, Resolved
    from cudepot.catalog.site.snapshot import Snapshot, Tree
    from cudepot.catalog.unsolvable import Findings
    from cudepot.depot.depot import Depot
    from cudepot.digest import Digest, Promise
    from cudepot.errors import CudepotError
    from cudepot.kinds.checks import Checks
    from cudepot.kinds.ports import Configures, Indexes, Locks, Solves, Vouches
    from cudepot.kinds.rules.offer import Offer
    from cudepot.kinds.rules.pin_entries import Spelling
    from cudepot.kinds.shared import Shared
    from cudepot.kinds.shows import Shows
    from cudepot.ports import Source
    from cudepot.store.local import LocalStore

Remote: TypeAlias = "Callable[[str, str], Source]"
"""Opens a URL; the second argument is what is accepted, as the header ``Accept`` has it."""
Listed: TypeAlias = "tuple[str, Digest | Promise | None]"
"""What an index says of a file: where it is and what it is; None where no strong hash tells."""


class Asking(NamedTuple):
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


class Solving(NamedTuple):
    """An environment that is to be resolved, as far as one kind goes.

    Attributes:
        depot: the depot.
        environment: as cudepot.toml has it.
        wanted: what the kind read of its own keys.
        before: what is locked of it; None where nothing is.
        lock: all that was locked before, pins and other environments included.
        shared: what kinds keep from one environment to the next.
        upgrade: whether newer versions are taken: of these projects, or of all (True) or none (False).
        noted: upstreams as they were read in this run, by pins or by environments before this one: what is read of
            them again has to hang from the same roots.
        rollback: whether an index older than one seen before is accepted.
    """

    depot: Depot
    environment: Environment
    wanted: Wants
    before: LockedEnvironment | None
    lock: Lock
    shared: Shared
    upgrade: bool | frozenset[str] = False
    noted: Mapping[str, LockedUpstream] = MappingProxyType({})
    rollback: bool = False


class Solved(NamedTuple):
    """What an environment was resolved to.

    Attributes:
        environment: as it is locked; ``before`` itself where nothing changed.
        artifacts: its files, each once; those of several upstreams.
        notes: what is odd about it, a line each.
        upstreams: what is noted of the signed upstreams that its files come from; empty where nothing is signed.
    """

    environment: LockedEnvironment
    artifacts: tuple[Artifact, ...]
    notes: tuple[str, ...] = ()
    upstreams: tuple[LockedUpstream, ...] = ()


class Because(NamedTuple):
    """Why an upstream has a newer version of a package.

    Attributes:
        source: what it says of itself: ``Debian-Security bookworm-security``.
        advisories: ids of what it announced the version with: ``RHSA-2026:1234``.
    """

    source: str = ""
    advisories: tuple[str, ...] = ()


class Offered(NamedTuple):
    """What an upstream offers; all of it empty for a kind that has nothing newer.

    Attributes:
        offers: what there is.
        spelling: how pins name it.
        error: what was wrong with the rest of it.
    """

    offers: tuple[Offer, ...] = ()
    spelling: Spelling | None = None
    error: CudepotError | None = None


class Reader(NamedTuple):
    """What reads the packages of an index, unpacked, and how many bytes it may have then."""

    read: Callable[[BinaryIO, str], Iterator[Listed]]
    limit: int


class EnvironmentWords(NamedTuple):
    """How an ``[[environment]]`` of cudepot.toml speaks of one kind's packages.

    Attributes:
        key: lists the packages.
        owner: key of the table that gives a package to one upstream; empty where there is none.
        upstreams: key of the list of upstreams that packages may come from; empty where there is none.
        usual: preset of the upstream that is taken where cudepot.toml has none of the kind; empty for none.
        needed: keys without which such packages cannot be wanted.
    """

    key: str
    owner: str = ""
    upstreams: str = ""
    usual: str = ""
    needed: tuple[str, ...] = ()


class PlainLocks:
    """What a kind answers to :class:`~cudepot.kinds.ports.Locks` unless it says otherwise; see there."""

    is_signed = False
    names_files = False
    grows = False

    def offers(self, depot: Depot, upstream: Upstream, lock: Lock) -> Offered:  # noqa: ARG002
        """Return nothing."""
        return Offered()

    def unsigned(self, config: Config, lock: Lock, upstream: LockedUpstream) -> str:  # noqa: ARG002
        """Return no line: all is as the kind promises."""
        return ""

    def note_peers(self, depot: Depot, upstream: Upstream) -> None:
        """Note nothing."""


class PlainSolves:
    """What a kind answers to :class:`~cudepot.kinds.ports.Solves` unless it says otherwise; see there."""

    words = EnvironmentWords("")

    def remake(self, depot: Depot, lock: Lock, lost: Sequence[Artifact]) -> None:
        """Do nothing: no package is built here."""

    def suite_folder(self, environment: str) -> str:  # noqa: ARG002
        """Return nothing: environments have no signed roots."""
        return ""

    def suite(
        self,
        depot: Depot,  # noqa: ARG002
        environment: LockedEnvironment,  # noqa: ARG002
        tree: Tree,  # noqa: ARG002
        earlier: Sequence[Snapshot],  # noqa: ARG002
    ) -> Mapping[str, Digest]:
        """Return nothing."""
        return {}

    def because(self, store: LocalStore, lock: Lock, artifacts: Sequence[Artifact]) -> Mapping[Artifact, Because]:  # noqa: ARG002
        """Return nothing: such upstreams do not say why they have a version."""
        return {}

    def client_files(
        self,
        depot: Depot,  # noqa: ARG002
        lock: Lock,  # noqa: ARG002
        tree: Tree,  # noqa: ARG002
        environment: LockedEnvironment,  # noqa: ARG002
        url: str,  # noqa: ARG002
    ) -> Mapping[str, bytes]:
        """Return nothing: clients use the index of the environment."""
        return {}


class Kind(NamedTuple):
    """One kind of upstream, as the registry gives it.

    Attributes:
        locking: how it is locked; None for what is published and no upstream has.
        showing: the module that has its :class:`~cudepot.kinds.shows.Shows` under the name ``SHOWS``; empty for a kind
            whose packages are shown by others.
        vouching: the module that has its :class:`Vouches` under the name ``VOUCHES``; empty where nothing is signed.
        checking: the module that has its :class:`~cudepot.kinds.checks.Checks` under the name ``CHECKS``.
        configuring: the module that has its :class:`Configures` under the name ``CONFIGURES``; empty where clients
            need nothing.
        indexing: the module that has its :class:`~cudepot.kinds.ports.Indexes` under the name ``INDEXES``; empty where
            no program is configured for an index that all upstreams share.
        solving: the module that has its :class:`Solves` under the name ``SOLVES``; empty where environments have no
            such packages.
        ends: how the paths of roots end whose signature such clients check.
    """

    locking: Locks | None = None
    showing: str = ""
    vouching: str = ""
    checking: str = "cudepot.kinds.checks"
    configuring: str = ""
    indexing: str = ""
    solving: str = ""
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
    def checks(self) -> Checks:
        """How packages that have arrived are checked."""
        found: Checks = importlib.import_module(self.checking).CHECKS
        return found

    @property
    def configures(self) -> Configures:
        """How its clients are configured; only of a kind that has such."""
        found: Configures = importlib.import_module(self.configuring).CONFIGURES
        return found

    @property
    def indexes(self) -> Indexes:
        """How programs are configured for its index; only of a kind that has such."""
        found: Indexes = importlib.import_module(self.indexing).INDEXES
        return found

    @property
    def solves(self) -> Solves:
        """How environments are resolved; only of a kind that has packages for such."""
        found: Solves = importlib.import_module(self.solving).SOLVES
        return found
