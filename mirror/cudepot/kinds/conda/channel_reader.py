"""Reads a channel's indexes in whichever form it has: shards, each held to the index; else repodata.json."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import BinaryIO
from urllib.parse import quote, urljoin

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Root
from cudepot.depot.root_memory import RootMemory
from cudepot.digest import Digest
from cudepot.errors import FormatError, MissingError, StaleError, TrustError
from cudepot.formats.compression import decompressed
from cudepot.formats.conda_shards import INDEX, SHARD, ShardIndex, read_index, read_shard
from cudepot.formats.conda_subdir import RunExports, Subdir, read_needs, read_repodata, read_run_exports
from cudepot.formats.dates import parse_date
from cudepot.kinds.conda.decoded import Decoded
from cudepot.kinds.conda.rules.located import located
from cudepot.kinds.conda.rules.settings import settings_of
from cudepot.kinds.conda.shards import Shards
from cudepot.ports import Page, Source

FORMS = (INDEX, "repodata.json.zst", "repodata.json")
"""The indexes a subdir may have, the smallest to read first; all say the same."""
CURRENT = ("current_repodata.json.zst", "current_repodata.json")
"""Those with the newest packages and what they need alone."""
_RUN_EXPORTS = ("run_exports.json.zst", "run_exports.json")
_LIMIT = 1 << 30
"""Bytes of an index as it is there; conda-forge's largest has 363 MB."""
_UNPACKED = 8 << 30
_MOST_ATTESTED = 4 << 20
NOARCH = "noarch"


@dataclass(slots=True)
class ChannelReader:
    """Reads one channel.

    Attributes:
        upstream: the channel.
        source: its bytes.
        memory: what was seen of it; what proves good is kept there with its ``save``.
        before: the roots that are locked: a subdir is asked for the form it had.
        rollback: whether an index older than the one read before is accepted.
        roots: of each subdir that was asked for, those that are there.
        decoded: what was read of the indexes, by path.
    """

    upstream: Upstream
    source: Source
    memory: RootMemory
    before: Sequence[Root] = ()
    rollback: bool = False
    roots: dict[str, Root] = field(default_factory=dict)
    decoded: dict[str, Decoded] = field(default_factory=dict)
    _bodies: dict[str, bytes] = field(default_factory=dict)
    _absent: set[str] = field(default_factory=set)
    _shards: Shards = field(init=False)

    def __post_init__(self) -> None:
        """Open the channel's shards."""
        self._shards = Shards(self.upstream, self.source, self.memory)

    def again(self, before: Sequence[Root]) -> ChannelReader:
        """Return a reader that has found no index yet, and shares with this one what is read."""
        return replace(self, before=before, roots={})

    def find(self, subdirs: Sequence[str]) -> None:
        """Ask each subdir for its index, which costs one request where nothing has changed.

        Raises:
            UpstreamError: not reachable, or no subdir is there.
            StaleError: an index is older than the one that was read before.
        """
        for subdir in subdirs:
            for path in (f"{subdir}/{form}" for form in self._forms(subdir)):
                if path not in self._absent and (found := self._index(path)):
                    self.roots[subdir], self._bodies[subdir] = Root(path, found[1]), found[0].body
                    break
        if not self.roots:
            raise MissingError(
                f"{self.upstream.url}: has no index for {', '.join(subdirs)}",
                hint="`url` is the channel's folder, which has linux-64/repodata.json in it",
            )

    def _index(self, path: str) -> tuple[Page, Digest] | None:
        """Ask for an index; None where it is not there. One that may be large is kept in the store, not in memory."""
        seen = dict(self.memory.pages.get(path, {}))
        try:
            read = self.memory.read if path.endswith(INDEX) else self.memory.keep
            page, digest = read(self.source, path, limit=_LIMIT)
        except MissingError:
            self._absent.add(path)
            return None
        if digest.sha256 != seen.get("sha256") and not self.rollback:
            self._check_age(path, page, str(seen.get("last_modified", "")))
        return page, digest

    def _check_age(self, path: str, page: Page, before: str) -> None:
        """Raise StaleError for an index that changed later before: only the server's dates tell, and not all do."""
        now, what = page.validators.last_modified if page.validators else "", f"{self.upstream.url}{path}"
        with contextlib.suppress(FormatError):
            if now and before and parse_date(now, what) < parse_date(before, what):
                raise StaleError(
                    f"{what}: dated {now}, older than the one of {before} that was accepted earlier",
                    hint="a mirror or an edge cache is behind: try again later, or pass --allow-rollback if this "
                    "is intended",
                )

    def _forms(self, subdir: str) -> list[str]:
        """Return the forms to ask for, the one that is locked first."""
        locked = {one.path for one in self.before}
        forms = CURRENT if settings_of(self.upstream).current else FORMS
        return sorted(forms, key=lambda form: f"{subdir}/{form}" not in locked)

    def read(self, names: Collection[str]) -> dict[str, Subdir]:
        """Return what the indexes that were found say of packages of these names, by subdir; raise as :meth:`load`."""
        self.load(names)
        return {subdir: self.decoded[root.path].shown(names) for subdir, root in self.roots.items()}

    def load(self, names: Collection[str]) -> None:
        """Read what the indexes that were found say of packages of these names, where it is not known yet.

        Raises:
            FormatError: an index is damaged.
            TrustError: a shard does not match its index.
            UpstreamError: a shard is not available.
        """
        shards: dict[str, set[str]] = {}
        for subdir, root in self.roots.items():
            seen = self._decoded(subdir, root.path)
            new = set(names) - seen.packages.keys()
            if seen.shards:
                shards[root.path] = new
            elif new:
                with self._opened(root.path, root.digest) as (stream, what):
                    seen.take(new, read_repodata(stream, subdir, new, what))
        self._read_shards(shards)

    def needed(self, names: Iterable[str]) -> set[str]:
        """Return the names that packages of these names need, which are read."""
        there = [self.decoded[root.path].needed for root in self.roots.values()]
        return set().union(*(one[name] for one in there for name in names))

    def _read_shards(self, wanted: Mapping[str, set[str]]) -> None:
        """Read the shards of names, by the path of their index; of all subdirs at a time."""
        indexes = {path: self._shards_of(path) for path in wanted}
        found = {path: replace(one.head, packages=[], removed=set(), odd=[]) for path, one in indexes.items()}
        for (path, name), body in self._shards.read(wanted, indexes).items():
            what = f"{self.upstream.url}{path}: shard of {name}"
            read_shard(body, indexes[path], name, found[path], what)
        for path, names in wanted.items():
            self.decoded[path].take(names, found[path])

    def _shards_of(self, path: str) -> ShardIndex:
        shards = self.decoded[path].shards
        assert shards is not None, "only such an index is used"
        return shards

    @contextlib.contextmanager
    def _opened(self, path: str, digest: Digest) -> Iterator[tuple[BinaryIO, str]]:
        """Open a document that the store has, unpacked, and say how errors name it."""
        what = f"{self.upstream.url}{path}"
        with self.memory.store.open(digest) as stream:
            yield decompressed(stream, what, limit=_UNPACKED), what

    def _decoded(self, subdir: str, path: str) -> Decoded:
        """Return what is known of an index; of one that has shards, that it names these."""
        if path not in self.decoded:
            shards = None
            if path.endswith(INDEX):
                shards = read_index(self._bodies[subdir], subdir, f"{self.upstream.url}{path}")
            self.decoded[path] = Decoded(replace(shards.head) if shards else Subdir(subdir), shards)
        return self.decoded[path]

    def sidecar(self, place: str, sha256: str) -> Digest:
        """Keep the attestations of a package that is at ``place``, by the hash its record gives, and return them.

        Raises:
            TrustError: they are others.
            UpstreamError: not available.
        """
        place = f"{place}.sigs.{sha256}"
        kept = self.memory.kept(place)
        if kept and kept[1].sha256 == sha256:
            return kept[1]
        page, digest = self.memory.read(self.source, place, limit=_MOST_ATTESTED)
        if digest.sha256 != sha256:
            self.memory.pages.pop(place, None)
            raise TrustError(
                f"{urljoin(self.upstream.url, place)}: the attestations do not match the record",
                hint="the upstream may be in the middle of an update: run the command again",
            )
        return self.memory.store.add_bytes(page.body)

    def names(self) -> set[str]:
        """Return the names of all packages of the indexes that were found.

        Raises:
            FormatError: an index is damaged.
        """
        graphs = self.needs()
        shards = [found.hashes for root in self.roots.values() if (found := self.decoded[root.path].shards)]
        return {name for there in (*graphs, *shards) for name in there}

    def drop(self) -> None:
        """Forget the packages that were read: asked for again, they are read again."""
        for one in self.decoded.values():
            one.packages.clear()
            one.needed.clear()
            one.told.clear()
            one.exports.clear()
        self.memory.unload()

    def needs(self) -> list[Mapping[str, set[str]]]:
        """Return which names packages of a name need, as each index tells that is one document; it is read once.

        Raises:
            FormatError: an index is damaged.
        """
        found: list[Mapping[str, set[str]]] = []
        for subdir, root in self.roots.items():
            seen = self._decoded(subdir, root.path)
            if seen.shards is None and seen.needs is None:
                with self._opened(root.path, root.digest) as (stream, what):
                    seen.needs = read_needs(stream, what)
            found.append(seen.needs or {})
        return found

    def place(self, subdir: Subdir, filename: str) -> str:
        """Return where a package is: below the upstream's URL as a path, else as a URL; raise UpstreamError."""
        base = subdir.base_url if not subdir.base_url or subdir.base_url.endswith("/") else f"{subdir.base_url}/"
        return located(self.upstream, self.roots[subdir.subdir].path, f"{base}./{quote(filename)}")

    def run_exports(self, subdir: str, filenames: Set[str]) -> Mapping[str, RunExports]:
        """Return what is told beside the index of what packages need that are built against these; empty for nothing.

        Raises:
            FormatError: it is damaged.
            UpstreamError: not reachable.
        """
        seen = self._decoded(subdir, self.roots[subdir].path)
        if filenames - seen.told:
            every = filenames | {one.filename for each in seen.packages.values() for one in each}
            try:
                seen.exports |= self._run_exports(subdir, every)
            except FormatError:  # of a package that nobody asked for, it may be
                every, seen.exports = filenames, dict(self._run_exports(subdir, filenames))
            seen.told = set(every)
        return {filename: seen.exports[filename] for filename in filenames & seen.exports.keys()}

    def _run_exports(self, subdir: str, filenames: Set[str]) -> Mapping[str, RunExports]:
        for form in _RUN_EXPORTS:
            path = f"{subdir}/{form}"
            try:
                _, digest = self.memory.keep(self.source, path, limit=_LIMIT)
            except MissingError:
                continue
            with self._opened(path, digest) as (stream, what):
                return {one.filename: one for one in read_run_exports(stream, filenames, what)}
        return {}

    def forget(self) -> None:
        """Forget shards that the indexes read now do not name; what is kept of a channel would only ever grow."""
        named = {sha256 for one in self.decoded.values() if one.shards for sha256 in one.shards.hashes.values()}
        for path in [one for one in self.memory.pages if one.endswith(SHARD) and not one.endswith(f"/{INDEX}")]:
            folder, _, name = path.rpartition("/")
            is_others = "://" not in path and folder.partition("/")[0] not in self.roots
            if not is_others and name.removesuffix(SHARD) not in named:
                del self.memory.pages[path]

    def store_fresh(self) -> None:
        """Put what was read into the store: a channel has hundreds of small shards."""
        with self.memory.store.gathering():
            self.memory.store_fresh()

    def save(self) -> None:
        """Keep what was read, once it has proved good; a channel has hundreds of small shards."""
        with self.memory.store.gathering():
            self.memory.save()
