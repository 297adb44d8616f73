"""A store that has been used for years, for :mod:`bench.scale`: 500 snapshots that share most of their paths.

Half of the objects are packages of a whole mirror today, the other half those they took the place of, a few each night.
The newest snapshot is published by cudepot, and so is the first; those between are written and signed here.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from simulator.keys import Key, KeyHome

from bench import scale_world as world
from bench.apt_world import nginx
from bench.measure import cudepot
from cudepot.catalog.site.names import Shown, render_shown
from cudepot.catalog.site.object_lists import ObjectList, name_of
from cudepot.catalog.site.snapshot import Snapshot, parse_snapshot, render_snapshot
from cudepot.cli.context import opened
from cudepot.depot.depot import Depot
from cudepot.depot.object_lists import keep_lists, recall_lists
from cudepot.digest import Digest
from cudepot.store.local import LocalStore

SNAPSHOTS = 500
CHANNELS = ("dev", "test", "prod")
_FIRST = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)


@contextmanager
def used_store(folder: Path, keys: KeyHome, key: Key, objects: int, snapshots: int = SNAPSHOTS) -> Iterator[Path]:
    """Give a project whose store has so many objects and snapshots, the newest shown in ``dev``, none in ``test``."""
    ring = folder / "upstream.asc"
    folder.mkdir(parents=True, exist_ok=True)
    ring.write_bytes(key.armored)
    world.many_debs(folder / "www/repo", keys, key, objects // 2)
    with nginx(folder / "www", folder) as url:
        project = world.project(folder / "project", world.apt_text(f"{url}/repo/", ring, key, None))
        _with_channels(project / "cudepot.toml")
        for verb in ("lock", "sync", "publish"):
            cudepot(project, verb)
        _fill(project, objects // 2, snapshots)
        world.many_debs(folder / "www/repo", keys, key, objects // 2 + 1)
        for verb in ("lock", "sync", "publish"):
            cudepot(project, verb)
        yield project


def _with_channels(toml: Path) -> None:
    text = toml.read_text().replace("[site]\n", f"[site]\nchannels = {json.dumps(CHANNELS)}\n", 1)
    toml.write_text(text + "\n[keep]\ndaily = 7\nweekly = 4\nmonthly = 12\n")


def out_of_the_store(project: Path) -> None:
    """Let the site be the store itself, and the first channel show the newest snapshot there."""
    toml = project / "cudepot.toml"
    toml.write_text(toml.read_text().replace("[site]\n", '[site]\ntype = "store"\n', 1))
    cudepot(project, "publish")


def _fill(project: Path, packages: int, snapshots: int) -> None:
    """Write the snapshots between the first and the newest, and the objects that only they have."""
    args = argparse.Namespace(directory=str(project), quiet=True, verb="scale", recipes=None)
    with opened(args, calls=False) as depot:
        first = parse_snapshot(depot.store.snapshots.read(1)[0], "snapshot 1")
        _write(depot, first, packages, snapshots)


def _write(depot: Depot, first: Snapshot, packages: int, snapshots: int) -> None:
    debs = sorted(path for path in first.tree if path.endswith(".deb"))[:packages]
    before = {path.replace("_1.0_", "_0.9_"): _object(depot.store, path) for path in debs}
    newer = dict(zip(before, debs, strict=True))
    new = set(debs)
    tree = {path: one for path, one in first.tree.items() if path not in new} | before
    signer, left, texts = depot.signer(), list(before), {path: _text(path, one) for path, one in tree.items()}
    parent, every = Digest.of(depot.store.snapshots.read(1)[0]).sha256, max(1, packages // snapshots)
    lists, came, went = recall_lists(depot.store), set(before.values()), {first.tree[path] for path in debs}
    for number in range(2, snapshots):
        for old in left[:every]:
            del texts[old]
            texts[newer[old]] = _text(newer[old], first.tree[newer[old]])
            came.add(first.tree[newer[old]])
            went.add(before[old])
        del left[:every]
        created = f"{_FIRST + datetime.timedelta(days=number):%Y-%m-%dT%H:%M:%SZ}"
        document = _document(replace(first, number=number, created=created, parent=parent, tree={}), texts)
        signature = signer.detach(document)
        path = depot.store.snapshots.path(number)  # not added as others are: the disk is waited for twice by each
        path.write_bytes(document)
        path.with_suffix(".json.asc").write_bytes(signature)
        parent = hashlib.sha256(document).hexdigest()
        lists.append(_listed(number, document, signature, lists[0], came, went))
        came, went = set(), set()
    depot.store.published_log.append(render_shown(Shown(number, {})) for number in range(2, snapshots))
    keep_lists(depot.store, lists)


def _listed(
    number: int, document: bytes, signature: bytes, first: ObjectList, came: set[Digest], went: set[Digest]
) -> ObjectList:
    """Return the list of a snapshot that has as many packages as the first one."""
    return ObjectList(
        number, name_of(Digest.of(document)), name_of(Digest.of(signature)), first.signer,
        sorted(map(name_of, came - went)), sorted(map(name_of, went - came)), first.files, first.packages,
    )  # fmt: skip


def _text(path: str, digest: Digest) -> str:
    """Return one line of a tree as a document has it."""
    return f'  {json.dumps(path)}: {{\n   "sha256": "{digest.sha256}",\n   "size": {digest.size}\n  }}'


def _document(bare: Snapshot, texts: Mapping[str, str]) -> bytes:
    """Return a document with a tree: rendering 500 from their values would take longer than what is measured."""
    tree = ",\n".join(text for _, text in sorted(texts.items()))
    return render_snapshot(bare).replace(b'"tree": {}', b'"tree": {\n%s\n }' % tree.encode(), 1)


def _object(store: LocalStore, path: str) -> Digest:
    """Put what a path was earlier into a store, as if it had come there long ago: the disk is not waited for."""
    data = b"earlier " + path.encode()
    digest = Digest.of(data)
    place = store.path(digest)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(data)
    store.marks.put(str(place), place.stat(), digest.sha256)
    return digest
