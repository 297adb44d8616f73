"""An apt repository while environments are resolved: its roots are read once in a run, and its indexes if need be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import LockedUpstream, Root
from cudepot.depot.depot import Depot
from cudepot.depot.request import key_hash
from cudepot.depot.root_memory import RootMemory
from cudepot.depot.upstream_session import ROOT_LIMIT, remembered_as
from cudepot.digest import Digest
from cudepot.errors import MissingError
from cudepot.formats.apt_release import parse_release
from cudepot.formats.apt_scan import ScannedIndex
from cudepot.kinds.apt.chain import Chain, Suite, flat_folder
from cudepot.kinds.apt.lock import locked_from
from cudepot.kinds.apt.rules.settings import apt_settings
from cudepot.kinds.signed_roots import plain_text
from cudepot.kinds.unchanged import locked_dates
from cudepot.paths import safe_name


@dataclass(slots=True)
class Session:
    """One upstream in one run.

    Attributes:
        chain: the way from its roots to its indexes.
        locked: what is locked of it; None where nothing is.
        noted: what this run has read of it already, as pins did: its roots are taken; None where nothing was.
        rollback: whether a root older than one seen before is accepted.
    """

    chain: Chain
    locked: LockedUpstream | None
    noted: LockedUpstream | None
    rollback: bool = False
    _roots: list[Root] = field(default_factory=list)
    _suites: list[Suite] = field(default_factory=list)
    _indexes: dict[str, list[ScannedIndex]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        depot: Depot,
        upstream: Upstream,
        locked: LockedUpstream | None,
        noted: LockedUpstream | None,
        *,
        rollback: bool,
    ) -> Session:
        """Open an upstream."""
        memory = RootMemory.load(depot.store, upstream)
        return cls(Chain(depot, upstream, depot.source(upstream), memory), locked, noted, rollback)

    @property
    def upstream(self) -> Upstream:
        """The upstream as cudepot.toml has it."""
        return self.chain.upstream

    def roots(self) -> list[Root]:
        """Return its roots, verified, as they are now: the first call asks for them."""
        if not self._roots:
            self._roots = [self._root(self._folder(one), one) for one in apt_settings(self.upstream).suites]
        return self._roots

    def noted_now(self) -> LockedUpstream:
        """Return what is noted of it: its roots, and the fields that clients' preferences name."""
        if self.locked is not None and self.locked.roots == tuple(self.roots()):
            return self.locked
        return locked_from(self.chain.depot.config, self.upstream, self.suites())

    def suites(self) -> list[Suite]:
        """Return its Release files, read."""
        if not self._suites:
            self._suites = [self._suite(one) for one in self.roots()]
        return self._suites

    def indexes(self, architecture: str) -> list[ScannedIndex]:
        """Return the indexes that clients of an architecture read; those of one are kept, as Debian's have 50 MB."""
        if architecture not in self._indexes:
            self._indexes.clear()
            self._indexes[architecture] = self.chain.scanned(self.suites(), architecture)
        return self._indexes[architecture]

    def save(self) -> None:
        """Remember the roots that were read: they have proved good."""
        self.chain.memory.save()

    def close(self) -> None:
        """Let go of the indexes."""
        self._indexes.clear()

    def _folder(self, suite: str) -> str:
        return flat_folder(suite) if suite.endswith("/") else f"dists/{safe_name(suite)}/"

    def _root(self, folder: str, suite: str) -> Root:
        known = (
            [one for one in self.noted.roots if one.path.rpartition("/")[0] == folder.rstrip("/")] if self.noted else []
        )
        if known:
            return known[0]
        if (stands := self._standing(f"{folder}InRelease")) is not None:
            return stands
        dates: Mapping[str, str] = locked_dates(self.locked)
        found = self.chain.suite(suite, dates, rollback=self.rollback)
        return found.root

    def _standing(self, path: str) -> Root | None:
        """Return a locked root that is still what is served, and was verified with these keys lately."""
        memory, chain = self.chain.memory, self.chain
        try:
            _, digest = memory.read(chain.source, path, limit=ROOT_LIMIT)
        except MissingError:
            return None
        trust = key_hash(chain.depot.base, self.upstream)
        lately = memory.checked_lately(remembered_as(path), digest, trust, chain.depot.clock())
        return self._known(path, digest) if lately else None

    def _known(self, path: str, digest: Digest) -> Root | None:
        roots = self.locked.roots if self.locked else ()
        return next((one for one in roots if (one.path, one.digest) == (path, digest)), None)

    def _suite(self, root: Root) -> Suite:
        """Return a Release whose signature held already: its bytes are known by their hash."""
        fresh = self.chain.memory.fresh.get(root.digest)
        document = fresh if fresh is not None else self.chain.depot.store.read(root.digest)
        folder = root.path.rpartition("/")[0]
        text = plain_text(document)
        return Suite(f"{folder}/" if folder else "", parse_release(text, self.upstream.url + root.path), root)
