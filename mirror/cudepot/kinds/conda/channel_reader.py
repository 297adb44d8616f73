"""Reads a channel's indexes in whichever form it has: shards, each held to the index; else repodata.json."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import BinaryIO
from urllib.parse import quote, unquote, urljoin

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.faults import APART, NO_SHARD, Evidence, Fault, IndexMismatchError, IndexMissingError
from cudepot.catalog.lock import Root
from cudepot.depot.fetch import in_threads
from cudepot.depot.root_memory import RootMemory
from cudepot.digest import Digest
from cudepot.errors import FormatError, MissingError, StaleError, TrustError, UpstreamError
from cudepot.formats.compression import decompressed
from cudepot.formats.conda_record import Package
from cudepot.formats.conda_repodata import depended
from cudepot.formats.conda_shards import INDEX, SHARD, SHARD_LIMIT, ShardIndex, read_index, read_shard
from cudepot.formats.conda_subdir import RunExports, Subdir, read_needs, read_repodata, read_run_exports, settled
from cudepot.formats.dates import parse_date
from cudepot.kinds.conda.rules.settings import settings_of
from cudepot.ports import Page, Source
from cudepot.urls import split_url

FORMS = (INDEX, "repodata.json.zst", "repodata.json")
"""The indexes a subdir may have, the smallest to read first; all say the same."""
CURRENT = ("current_repodata.json.zst", "current_repodata.json")
"""Those with the newest packages and what they need alone."""
_RUN_EXPORTS = ("run_exports.json.zst", "run_exports.json")
_LIMIT = 1 << 30
"""Bytes of an index as it lies there; conda-forge's largest has 363 MB."""
_UNPACKED = 8 << 30
_APART = "index and shards do not belong together: run the command again, or use `--wait` to retry automatically"
_MOST_ATTESTED = 4 << 20
_WORKERS = 16  # shards at a time
NOARCH = "noarch"


@dataclass(slots=True)
class Decoded:
    """What was read of one index, so that it is read once whoever asks.

    Attributes:
        head: the index as it describes itself, with what is odd about it; without packages.
        shards: where it says the packages are; None where they are in it.
        packages: name → all its packages, in the order of their file names.
        needed: name → the names its packages need.
        needs: the same of all there are, where the index is one document; None until somebody asks.
        exports: file name → what is told beside the index of its run_exports, as far as that was asked.
        told: the file names that were looked for.
    """

    head: Subdir
    shards: ShardIndex | None = None
    packages: dict[str, list[Package]] = field(default_factory=dict)
    needed: dict[str, set[str]] = field(default_factory=dict)
    needs: Mapping[str, set[str]] | None = None
    exports: dict[str, RunExports] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def take(self, names: Iterable[str], found: Subdir) -> None:
        """Take in what was found of these names, but what no client can read."""
        from cudepot.kinds.conda.select import leave_out_unreadable  # noqa: PLC0415 - loads the solver's library

        leave_out_unreadable(found)
        new: dict[str, list[Package]] = {name: [] for name in names}
        for one in settled(found.packages, found.removed):
            new[one.name].append(one)
        self.packages |= new
        self.needed |= {name: _needed(packages) for name, packages in new.items()}
        self.head.base_url, self.head.relations = found.base_url, found.relations
        self.head.removed |= found.removed
        self.head.odd += found.odd

    def shown(self, names: Iterable[str]) -> Subdir:
        """Return what there is of these names, for the caller to change."""
        packages = [one for name in sorted(set(names)) for one in self.packages[name]]
        return replace(self.head, packages=packages, removed=set(self.head.removed), odd=list(self.head.odd))


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
    _folders: dict[str, str] = field(default_factory=dict)

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
            UpstreamError: a shard is not to be had.
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
        keys = [(path, name) for path, names in wanted.items() for name in sorted(names & indexes[path].hashes.keys())]
        bodies = {(path, name): self._kept_shard(path, indexes[path], name) for path, name in keys}

        def fetch(key: tuple[str, str], stop: threading.Event) -> None:  # noqa: ARG001
            bodies[key] = self._shard(key[0], indexes[key[0]], key[1])

        for _, error in in_threads([key for key, body in bodies.items() if not body], fetch, _WORKERS):
            raise error
        found = {path: replace(one.head, packages=[], removed=set(), odd=[]) for path, one in indexes.items()}
        for path, name in keys:
            what = f"{self.upstream.url}{path}: shard of {name}"
            read_shard(bodies[path, name], indexes[path], name, found[path], what)
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

    def _place(self, path: str, index: ShardIndex, name: str) -> str:
        """Return where a shard is, as :func:`located` does; the folder is looked at once."""
        if path not in self._folders:
            some = f"{'0' * 64}{SHARD}"
            self._folders[path] = located(self.upstream, path, f"{index.shards_url}{some}").removesuffix(some)
        return f"{self._folders[path]}{index.hashes[name]}{SHARD}"

    def _kept_shard(self, path: str, index: ShardIndex, name: str) -> bytes:
        """Return a shard as it was kept; empty where it was not, or is another now."""
        kept = self.memory.kept(self._place(path, index, name))
        return kept[0] if kept and kept[1].sha256 == index.hashes[name] else b""

    def _shard(self, path: str, index: ShardIndex, name: str) -> bytes:
        """Return a shard from the channel; one that is another's is asked for past all caches."""
        place = self._place(path, index, name)
        body, digest = self._fresh(self.source, place)
        if digest != index.hashes[name]:
            body, digest = self._fresh(self.source.fresh(), place)
        if digest != index.hashes[name]:
            url = urljoin(self.upstream.url, place)
            evidence: Evidence = {"promised_sha256": index.hashes[name], "served_sha256": digest}
            raise IndexMismatchError(
                f"{url}: shard of {name} does not match its index", hint=_APART, fault=Fault(APART, url, evidence)
            )
        return body

    def _fresh(self, source: Source, place: str) -> tuple[bytes, str]:
        self.memory.asked.pop(place, None)
        self.memory.pages.pop(place, None)
        try:
            page, digest = self.memory.read(source, place, limit=SHARD_LIMIT)
        except MissingError as error:
            url = urljoin(self.upstream.url, place)
            raise IndexMissingError(str(error), hint=_APART, fault=Fault(NO_SHARD, url)) from error
        return page.body, digest.sha256

    def sidecar(self, place: str, sha256: str) -> Digest:
        """Keep the attestations of a package that lies at ``place``, by the hash its record gives, and return them.

        Raises:
            TrustError: they are others.
            UpstreamError: not to be had.
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


def _needed(packages: Iterable[Package]) -> set[str]:
    """Return the names that packages need, but the machine's own."""
    specs: set[str] = set()
    for one in packages:
        specs.update(one.record.get("depends") or (), *(one.record.get("extra_depends") or {}).values())
    return {name for name in map(depended, specs) if not name.startswith("__")}


def located(upstream: Upstream, index: str, reference: str) -> str:
    """Return where a file is that an index refers to: below the upstream's URL as a path, else as a URL.

    Raises:
        UpstreamError: the reference leads somewhere that is not asked, or holds a login.
    """
    url, parts = "", None
    with contextlib.suppress(ValueError):
        url = urljoin(f"{upstream.url}{index}", reference)
        parts = split_url(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        told = "a URL that contains a login" if "@" in reference else repr(reference[:200])
        raise UpstreamError(f"{upstream.url}{index}: points to {told}", hint="only http and https are followed")
    if not url.startswith(upstream.url) or parts.query:
        return url
    path = unquote(url.removeprefix(upstream.url))
    return path if path.isprintable() and ".." not in path.split("/") else url
