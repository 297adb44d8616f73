"""Reads a channel's indexes in whichever form it has: shards, each held to the index; else repodata.json."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO
from urllib.parse import quote, unquote, urljoin

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.faults import APART, NO_SHARD, Evidence, Fault, IndexMismatchError, IndexMissingError
from cudepot.catalog.lock import Root
from cudepot.depot.fetch import in_threads
from cudepot.depot.root_memory import RootMemory
from cudepot.digest import Digest
from cudepot.errors import MissingError, TrustError, UpstreamError
from cudepot.formats.compression import decompressed
from cudepot.formats.conda_shards import INDEX, SHARD, SHARD_LIMIT, ShardIndex, read_index, read_shard
from cudepot.formats.conda_subdir import Subdir, read_needs, read_repodata, read_run_exports
from cudepot.ports import Source
from cudepot.urls import split_url

FORMS = (INDEX, "repodata.json.zst", "repodata.json")
"""The indexes a subdir may have, the smallest to read first; all say the same."""
_RUN_EXPORTS = ("run_exports.json.zst", "run_exports.json")
_LIMIT = 1 << 30
"""Bytes of an index as it lies there; conda-forge's largest has 363 MB."""
_UNPACKED = 8 << 30
_APART = "index and shards do not belong together: run the command again; `--wait` does so by itself"
_MOST_ATTESTED = 4 << 20
_WORKERS = 16  # shards at a time
NOARCH = "noarch"


@dataclass(slots=True)
class ChannelReader:
    """Reads one channel.

    Attributes:
        upstream: the channel.
        source: its bytes.
        memory: what was seen of it; what proves good is kept there with its ``save``.
        before: the roots that are locked: a subdir is asked for the form it had.
        roots: of each subdir that was asked for, those that are there.
    """

    upstream: Upstream
    source: Source
    memory: RootMemory
    before: Sequence[Root] = ()
    roots: dict[str, Root] = field(default_factory=dict)
    _bodies: dict[str, bytes] = field(default_factory=dict)
    _named: set[str] = field(default_factory=set)

    def find(self, subdirs: Sequence[str]) -> None:
        """Ask each subdir for its index, which costs one request where nothing has changed.

        Raises:
            UpstreamError: not reachable, or no subdir is there.
        """
        for subdir in subdirs:
            for form in self._forms(subdir):
                try:
                    page, digest = self.memory.read(self.source, f"{subdir}/{form}", limit=_LIMIT)
                except MissingError:
                    continue
                self.roots[subdir], self._bodies[subdir] = Root(f"{subdir}/{form}", digest), page.body
                break
        if not self.roots:
            raise MissingError(
                f"{self.upstream.url}: has no index of {', '.join(subdirs)}",
                hint="`url` is the channel's folder, which has linux-64/repodata.json in it",
            )

    def _forms(self, subdir: str) -> list[str]:
        """Return the forms to ask for, the one that is locked first."""
        locked = {one.path for one in self.before}
        return sorted(FORMS, key=lambda form: f"{subdir}/{form}" not in locked)

    def read(self, names: Collection[str]) -> dict[str, Subdir]:
        """Return what the indexes that were found say of packages of these names, by subdir.

        Raises:
            FormatError: an index is damaged.
            TrustError: a shard is not the one its index names.
            UpstreamError: a shard is not to be had.
        """
        return {subdir: self._subdir(subdir, root.path, names) for subdir, root in self.roots.items()}

    def _subdir(self, subdir: str, path: str, names: Collection[str]) -> Subdir:
        what, body = f"{self.upstream.url}{path}", self._bodies[subdir]
        if path.endswith(INDEX):
            return self._shards(read_index(body, subdir, what), path, names)
        return read_repodata(_unpacked(body, what), subdir, names, what)

    def _shards(self, index: ShardIndex, path: str, names: Collection[str]) -> Subdir:
        self._named.update(index.hashes.values())
        wanted = sorted(name for name in names if name in index.hashes)
        bodies: dict[str, bytes] = {}

        def fetch(name: str, stop: threading.Event) -> None:  # noqa: ARG001
            place = located(self.upstream, path, index.shard(name))
            bodies[name] = self._shard(place, index, name)

        for _, error in in_threads(wanted, fetch, _WORKERS):
            raise error
        found = replace(index.head)
        for name in wanted:
            read_shard(bodies[name], index, name, found, f"{self.upstream.url}{path}: shard of {name}")
        return found

    def _shard(self, place: str, index: ShardIndex, name: str) -> bytes:
        """Return a shard: the one kept, where it is that; one that is another's is asked for past all caches."""
        kept = self.memory.kept(place)
        if kept and kept[1].sha256 == index.hashes[name]:
            return kept[0]
        body, digest = self._fresh(self.source, place)
        if digest != index.hashes[name]:
            body, digest = self._fresh(self.source.fresh(), place)
        if digest != index.hashes[name]:
            url = urljoin(self.upstream.url, place)
            evidence: Evidence = {"promised_sha256": index.hashes[name], "served_sha256": digest}
            raise IndexMismatchError(
                f"{url}: shard of {name} is not the one its index names", hint=_APART, fault=Fault(APART, url, evidence)
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
                f"{urljoin(self.upstream.url, place)}: the attestations are not those that the record names",
                hint="the upstream may be publishing: run the command again",
            )
        return self.memory.store.add_bytes(page.body)

    def needs(self) -> dict[str, set[str]]:
        """Return which names packages of a name need, from the indexes that are one document, each read once.

        Raises:
            FormatError: an index is damaged.
        """
        found: dict[str, set[str]] = {}
        for subdir, root in self.roots.items():
            if not root.path.endswith(INDEX):
                what = f"{self.upstream.url}{root.path}"
                for name, needed in read_needs(_unpacked(self._bodies[subdir], what), what):
                    found.setdefault(name, set()).update(needed)
        return found

    def place(self, subdir: Subdir, filename: str) -> str:
        """Return where a package is: below the upstream's URL as a path, else as a URL; raise UpstreamError."""
        base = subdir.base_url if not subdir.base_url or subdir.base_url.endswith("/") else f"{subdir.base_url}/"
        return located(self.upstream, self.roots[subdir.subdir].path, f"{base}./{quote(filename)}")

    def run_exports(self, subdir: str, filenames: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return what is told beside the index of what packages need that are built against these; empty for nothing.

        Raises:
            FormatError: it is damaged.
            UpstreamError: not reachable.
        """
        for form in _RUN_EXPORTS if filenames else ():
            path = f"{subdir}/{form}"
            try:
                page, _ = self.memory.read(self.source, path, limit=_LIMIT)
            except MissingError:
                continue
            what = f"{self.upstream.url}{path}"
            return {one.filename: one.exports for one in read_run_exports(_unpacked(page.body, what), filenames, what)}
        return {}

    def forget(self) -> None:
        """Forget shards that the indexes read now do not name; what is kept of a channel would only ever grow."""
        for path in [one for one in self.memory.pages if one.endswith(SHARD) and not one.endswith(f"/{INDEX}")]:
            folder, _, name = path.rpartition("/")
            is_others = "://" not in path and folder.partition("/")[0] not in self.roots
            if not is_others and name.removesuffix(SHARD) not in self._named:
                del self.memory.pages[path]


def _unpacked(body: bytes, what: str) -> BinaryIO:
    return decompressed(io.BytesIO(body), what, limit=_UNPACKED)


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
        told = "a URL with a login in it" if "@" in reference else repr(reference[:200])
        raise UpstreamError(f"{upstream.url}{index}: points to {told}", hint="only http and https are followed")
    if not url.startswith(upstream.url) or parts.query:
        return url
    path = unquote(url.removeprefix(upstream.url))
    return path if path.isprintable() and ".." not in path.split("/") else url
