"""The upstreams of an environment as they are read: each root once a run, metadata by hash, pools of their packages."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from functools import cached_property
from typing import BinaryIO

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import LockedUpstream, Root
from cudepot.depot.request import key_hash, request_hash
from cudepot.depot.upstream_session import ROOT_LIMIT, Asked
from cudepot.digest import CHUNK, Digest
from cudepot.formats.filelists import owners_of
from cudepot.formats.repomd import PATH, parse_repomd
from cudepot.formats.xml_rewritten import check_well_formed
from cudepot.kinds.kind import Solving
from cudepot.kinds.rules.system_wanted import Wanted
from cudepot.kinds.unchanged import locked_dates
from cudepot.kinds.yum.chain import YumChain, YumRoot, opened, whole
from cudepot.kinds.yum.environment import USUAL_PRIORITY
from cudepot.kinds.yum.rules.streams import Modules
from cudepot.kinds.yum.rules.union import Repository, Union
from cudepot.kinds.yum.subset import metadata_of

GROUPS = ("group_gz", "group", "group_xz", "group_zst", "group_bz2")
"""Types of comps.xml in repomd.xml; the first that is there counts, as for dnf."""
_PLATFORM = re.compile(r"base-module\(platform:([^)]+)\)")
_DISTRIBUTION = re.compile(
    r"(?:(?P<el>rhel|rocky|alma|almalinux|centos|oracle|ol|el)|(?P<f>fedora))-?(?P<number>[0-9]+)"
)

Look = Callable[[set[str]], Mapping[str, Iterable[str]]]
"""Looks paths up in full file lists: the checksum of a package → paths it has."""


class Reading:
    """One upstream of an environment.

    Args:
        asking: what is to be resolved.
        upstream: as cudepot.toml has it.
    """

    def __init__(self, asking: Solving, upstream: Upstream) -> None:
        self._asking, self._stack, self.upstream = asking, ExitStack(), upstream
        asked = Asked.of(asking.depot, upstream)
        self.chain = YumChain(asking.depot, upstream, asked.source, asked.memory, asked.findings)

    def close(self) -> None:
        """Let go of files."""
        self._stack.close()

    def is_as(self, known: Digest | None) -> bool:
        """Return whether its root is that one, verified lately; it costs one request, or none if this run had it."""
        if known is None:
            return False
        if noted := self._noted():
            return noted.digest == known
        memory = self.chain.memory
        digest = memory.read(self.chain.source, PATH, limit=ROOT_LIMIT)[1]
        trust = key_hash(self._asking.depot.base, self.upstream)
        return digest == known and memory.checked_lately(PATH, digest, trust, self._asking.depot.clock())

    def _noted(self) -> Root | None:
        """Return the root that pins or another environment read in this run."""
        there = self._asking.noted.get(self.upstream.name)
        return next((one for one in there.roots if one.path == PATH), None) if there else None

    @cached_property
    def root(self) -> YumRoot:
        """Its verified root.

        Raises:
            UpstreamError: not reachable.
            TrustError: a signature or a date does not hold.
        """
        store = self._asking.depot.store
        if (noted := self._noted()) and store.has(noted.digest):
            return YumRoot(parse_repomd(store.read(noted.digest), self.upstream.url + PATH), noted)
        locked = self._asking.lock.upstream(self.upstream.name)
        found = self.chain.root(locked_dates(locked), rollback=self._asking.rollback)
        self.chain.memory.save()
        return found

    @cached_property
    def locked(self) -> LockedUpstream:
        """What a lock notes of it."""
        one, config = self.upstream, self._asking.depot.config
        request = request_hash(one, config.pins_of(one))
        metadata = metadata_of(self.chain, self.root)
        if record := self.root.repomd.record("updateinfo"):
            self.chain.fetch(self.root, record)  # `update` tells the advisories of what moves
        return LockedUpstream(one.name, one.type, one.url, request, (self.root.root,), metadata=metadata)

    @cached_property
    def primary(self) -> BinaryIO:
        """Its primary.xml, uncompressed, in a file that is gone in the end."""
        digest, what = self._file("primary")
        spool = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        with opened(self._asking.depot.store, digest, what) as text:
            check_well_formed(_copied(text, spool), what, "metadata")
        spool.flush()
        return spool

    @cached_property
    def modules(self) -> bytes:
        """Its modules.yaml; empty where there is none."""
        return self._whole("modules") if self.root.repomd.record("modules") else b""

    @cached_property
    def groups(self) -> bytes:
        """Its comps.xml; empty where there is none."""
        kind = next((one for one in GROUPS if self.root.repomd.record(one)), "")
        return self._whole(kind) if kind else b""

    def _whole(self, kind: str) -> bytes:
        record = self.root.repomd.record(kind)
        digest, what = self._file(kind)
        return whole(self._asking.depot.store, digest, what, open_size=record.open_size if record else -1)

    def owners(self, paths: set[str]) -> dict[str, list[str]]:
        """Return which packages have these paths, by their checksums, as the full file lists tell."""
        if self.root.repomd.record("filelists") is None:
            return {}
        digest, what = self._file("filelists")
        with opened(self._asking.depot.store, digest, what) as text:
            return owners_of(text, paths, what)

    def _file(self, kind: str) -> tuple[Digest, str]:
        record = self.root.repomd.record(kind)
        assert record is not None, "asked for before"
        return self.chain.fetch(self.root, record), self.upstream.url + record.href

    def repository(self, wanted: Wanted) -> Repository:
        """Return it as a pool reads it: without what is not to be taken from here."""
        what = f"{self.upstream.url}{PATH}: primary"
        priority = wanted.priority(self.upstream.name, USUAL_PRIORITY)
        return Repository(self.upstream.name, self.primary, what, self._hides(wanted), priority)

    def _hides(self, wanted: Wanted) -> Callable[[str], bool]:
        own, boundary = self.upstream.name, self.upstream.boundary

        def hides(name: str) -> bool:
            owner = wanted.owner(name)
            return owner != own if owner else any(fnmatchcase(name, glob) for glob in boundary)

        return hides


def _copied(text: BinaryIO, spool: BinaryIO) -> Iterator[bytes]:
    """Give what is read, and write it down."""
    while piece := text.read(CHUNK):
        spool.write(piece)
        yield piece


def add_paths(
    union: Union, owners: Sequence[tuple[str, Look]], roots: Iterable[int], asked: Sequence[str] = ()
) -> None:
    """Add paths that packages need and primary.xml does not tell of, where there are such.

    Args:
        union: the pool.
        owners: for each upstream what looks paths up in its full file lists.
        roots: packages that are asked for.
        asked: names that are asked for.
    """
    if not (paths := union.unknown_paths(roots, asked)):
        return
    for name, look in owners:
        union.add_paths(name, look(paths))
    union.settle()


def platform_of(union: Union, distribution: str) -> str:
    """Return which stream of ``platform`` machines are of: as their release's package says, or their name."""
    for text in union.provided("base-module(platform:"):
        if found := _PLATFORM.match(text):
            return found[1]
    if named := _DISTRIBUTION.fullmatch(distribution):
        return f"{'f' if named['f'] else 'el'}{named['number']}"
    return ""


def modules_of(texts: Iterable[tuple[str, bytes]]) -> Modules:
    """Return the modules of upstreams: of each its name and its modules.yaml."""
    return Modules((f"{name}: modules", text) for name, text in texts if text)
