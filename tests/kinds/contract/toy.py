"""A made-up kind of upstream, to prove that one more needs a folder and a row: JSON that lists toys by hash.

``toys.json`` at the upstream's URL says ``{"toys": [{"name", "version", "file", "sha256", "size"}]}``; the site shows
such an index of what was pinned, in a folder for each upstream, beside the toys. Nothing signs it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from cudepot.catalog import ecosystems
from cudepot.catalog.config.config import Config, Pin
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import Artifact, Lock, LockedUpstream, Resolved, Root
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot, SiteVerifier
from cudepot.depot.request import request_hash
from cudepot.depot.root_memory import RootMemory
from cudepot.digest import Digest
from cudepot.errors import PinError
from cudepot.kinds import registry
from cudepot.kinds.kind import Asking, Kind, Offered, Remote
from cudepot.kinds.rules.offer import Offer
from cudepot.kinds.rules.pin_entries import Entry, Listing, Spelling
from cudepot.kinds.rules.upstream_fields import parse_index
from cudepot.kinds.shows import Material, Shows
from cudepot.ports import Source
from cudepot.store.local import LocalStore

NAME, INDEX = "toy", "toys.json"
_LIMIT = 1 << 20

TOYS = ecosystems.Row(
    "toy", "toys", "toy", "toy", "toys",
    suffixes=(".toy",), file_names=(r"(?P<name>[^-]+)-(?P<version>[^-]+)\.toy",), roots=(INDEX,), joiner="@",
)  # fmt: skip


def described(toys: Sequence[tuple[str, str, str, Digest]]) -> bytes:
    """Return the index of toys: name, version, file and content of each."""
    keys = ("name", "version", "file", "sha256", "size")
    rows = [dict(zip(keys, (*one[:3], one[3].sha256, one[3].size), strict=True)) for one in toys]
    return (json.dumps({"toys": rows}, indent=1) + "\n").encode()


def listed(text: bytes) -> list[tuple[str, str, str, Digest]]:
    """Return what an index lists, likewise."""
    rows = json.loads(text)["toys"]
    return [(one["name"], one["version"], one["file"], Digest(one["sha256"], one["size"])) for one in rows]


def _entries(pin: Pin, _: Listing) -> list[Entry]:
    return [_entry(spec) for spec in pin.packages]


def _entry(spec: str) -> Entry:
    name, _, version = spec.partition("@")
    return Entry(spec, name, version, "", False, lambda _: True, lambda newer: f"{name}@{newer}")


SPELLING = Spelling(_entries, float, float)


class _Locks:
    is_signed = False
    names_files = False
    grows = True

    def parse(self, table: Table, upstream: Upstream) -> Upstream:
        return parse_index(table, upstream)

    def open(self, upstream: Upstream, base: Path, remote: Remote) -> Source:
        return remote(upstream.url, "*/*")

    def carries(self, upstream: Upstream) -> tuple[str, ...]:
        return (TOYS.artifact,)

    def lock(self, asking: Asking) -> Resolved:
        depot, upstream = asking.depot, asking.upstream
        memory = RootMemory.load(depot.store, upstream)
        page, digest = memory.read(depot.source(upstream), INDEX, limit=_LIMIT)
        memory.save()
        pins = depot.config.pins_of(upstream)
        wanted = [spec for pin in pins for spec in pin.packages]
        root = (Root(INDEX, digest),)
        locked = LockedUpstream(upstream.name, upstream.type, upstream.url, request_hash(upstream, pins), root)
        if asking.before and asking.before[0] == locked:
            return asking.before
        there = {f"{name}@{version}": (name, version, file, one) for name, version, file, one in listed(page.body)}
        if missing := [spec for spec in wanted if spec not in there]:
            raise PinError(f"no toy is called {missing[0]}", hint=f"there are {', '.join(sorted(there))}")
        return locked, tuple(_artifact(upstream.name, *there[spec]) for spec in wanted)

    def offers(self, depot: Depot, upstream: Upstream, lock: Lock) -> Offered:
        page, _ = RootMemory.load(depot.store, upstream).read(depot.source(upstream), INDEX, limit=_LIMIT)
        found = [Offer(name, version, "any", one.size, file) for name, version, file, one in listed(page.body)]
        return Offered(tuple(found), SPELLING)

    def unsigned(self, config: Config, lock: Lock, upstream: LockedUpstream) -> str:
        return f"{upstream.name}: nobody signs toys: they are known by their hash in the lock"


def _artifact(upstream: str, name: str, version: str, file: str, digest: Digest) -> Artifact:
    return Artifact(upstream, TOYS.artifact, name, version, "any", file, file, digest)


class _Shows(Shows):
    roots = (INDEX,)

    def tree(self, material: Material) -> dict[str, Digest]:
        toys = [one for one in material.lock.artifacts if one.kind == TOYS.artifact]
        if not toys:
            return {}
        folder = TOYS.folder(toys[0].upstream)
        index = described([(one.name, one.version, one.filename, one.digest) for one in toys])
        return {folder + one.filename: one.digest for one in toys} | {
            folder + INDEX: material.depot.store.add_bytes(index)
        }

    def faults(self, store: LocalStore, site_verifier: SiteVerifier, snapshot: Snapshot, root: str) -> Iterator[str]:
        for _, _, file, digest in listed(store.read(snapshot.tree[root])):
            if snapshot.tree.get(root.removesuffix(INDEX) + file) != digest:
                yield f"{root}: {file} does not match this index"


KIND = Kind(_Locks(), showing=__name__)
SHOWS = _Shows()
ROW = registry.Row(__name__, TOYS)


@contextmanager
def registered() -> Iterator[None]:
    """Let cudepot have the kind, in this process and for as long as this lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "ROWS", dict(registry.ROWS))
        patch.setattr(ecosystems, "_table", ecosystems._table)
        registry.register(NAME, ROW)
        yield
