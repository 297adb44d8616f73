"""Fetches the shards of a channel's indexes, each held to the hash that its index gives."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.faults import APART, NO_SHARD, Evidence, Fault, IndexMismatchError, IndexMissingError
from cudepot.depot.fetch import in_threads
from cudepot.depot.root_memory import RootMemory
from cudepot.errors import MissingError
from cudepot.formats.conda_shards import SHARD, SHARD_LIMIT, ShardIndex
from cudepot.kinds.conda.rules.located import located
from cudepot.ports import Source

_APART = "index and shards do not belong together: run the command again, or use `--wait` to retry automatically"
_WORKERS = 16  # shards at a time


@dataclass(slots=True)
class Shards:
    """The shards of one channel.

    Attributes:
        upstream: the channel.
        source: its bytes.
        memory: what was seen of it, shards included.
    """

    upstream: Upstream
    source: Source
    memory: RootMemory
    _folders: dict[str, str] = field(default_factory=dict)

    def read(self, wanted: Mapping[str, set[str]], indexes: Mapping[str, ShardIndex]) -> dict[tuple[str, str], bytes]:
        """Return the shards of names, by the path of their index and name; of all subdirs at a time.

        Args:
            wanted: names, by the path of their index; those without a shard are passed over.
            indexes: by path, which shards there are.

        Raises:
            TrustError: a shard does not match its index.
            UpstreamError: a shard is not available.
        """
        keys = [(path, name) for path, names in wanted.items() for name in sorted(names & indexes[path].hashes.keys())]
        bodies = {(path, name): self._kept_shard(path, indexes[path], name) for path, name in keys}

        def fetch(key: tuple[str, str], stop: threading.Event) -> None:  # noqa: ARG001
            bodies[key] = self._shard(key[0], indexes[key[0]], key[1])

        for _, error in in_threads([key for key, body in bodies.items() if not body], fetch, _WORKERS):
            raise error
        return bodies

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
