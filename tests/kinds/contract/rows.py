"""The kinds of upstreams that keep the contract: how to make one of each, with which pins, and what it costs to ask."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from simulator.apt import FlatRepo, Publisher
from simulator.conda_channel import CondaChannel
from simulator.cudnn import licence
from simulator.redistrib import entry, write_page
from simulator.simple import WheelIndex
from simulator.yum import YumRepo
from tests.kinds.contract import toy
from tests.kinds.contract.shelf import CHANGED, FIRST, RELEASES, SECOND, VERSIONS, Shelf

from cudepot.digest import Digest

_R = TypeVar("_R", bound=Publisher)

NAME = "up"
"""Of the upstream in cudepot.toml."""


@dataclass
class Stage:
    """Where an upstream stands.

    Attributes:
        folder: what is served below ``url``; empty when an upstream is put there.
        day: how often one was: each is dated after the one before.
    """

    folder: Path
    url: str
    shelf: Shelf
    day: int = 0

    def dated(self, repo: _R) -> _R:
        """Let a repository be newer than all before it."""
        repo.clock += timedelta(minutes=10 * self.day)
        return repo


Settings = dict[str, object]
Offer = Callable[[Stage, Sequence[Path]], Settings]


ANEW = frozenset(
    ("snapshot.json", "snapshot.json.asc", "index.html", "Release", "InRelease", "Release.gpg", "repomd.xml",
     "repomd.xml.asc")
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One kind of upstream, in one way to use it.

    Attributes:
        name: what the tests call it.
        form: of its packages, as the shelf has them.
        offer: puts packages at the upstream and returns what cudepot.toml says of it.
        pins: by label of a package; empty where all of it is mirrored.
        asks: requests that it costs to find nothing new.
        trust: how the far side is told to trust it: ``key``, ``unsigned``, or nothing needs to be said.
        sealed: whether the upstream's own signature is shown, so that the site cannot date it anew.
        pin: further settings of each pin.
        eula: licence texts that are accepted.
        anew: names of files that a snapshot has its own of, though it shows the same packages.
        unpacked: whether `lock` takes all that there is, so that `sync` has nothing to fetch.
    """

    name: str
    form: str
    offer: Offer
    pins: dict[str, str] = field(default_factory=dict)
    asks: int = 1
    trust: str = "key"
    sealed: bool = False
    pin: Settings = field(default_factory=dict)
    eula: tuple[bytes, ...] = ()
    anew: frozenset[str] = ANEW
    unpacked: bool = False

    def pinned(self, labels: Sequence[str]) -> Iterator[str]:
        """Give the pins on these packages."""
        if self.pins:
            yield from (self.pins[FIRST if one == CHANGED else one] for one in labels)

    def __str__(self) -> str:
        return self.name


def _signed(stage: Stage, kind: str, more: Settings) -> Settings:
    keys = {"keys": [stage.shelf.key.fingerprint], "keyrings": [str(stage.shelf.key_file)]}
    return {"type": kind, "url": f"{stage.url}/repo/", **keys, **more}


def apt(**more: object) -> Offer:
    def offer(stage: Stage, files: Sequence[Path]) -> Settings:
        repo = stage.dated(FlatRepo(stage.folder / "repo", stage.shelf.keys, stage.shelf.key))
        repo.add(*files)
        repo.publish()
        return _signed(stage, "apt", more)

    return offer


def yum(**more: object) -> Offer:
    def offer(stage: Stage, files: Sequence[Path]) -> Settings:
        repo = stage.dated(YumRepo(stage.folder / "repo", stage.shelf.keys, stage.shelf.key))
        repo.database = False
        repo.add(*files)
        repo.publish()
        return _signed(stage, "yum", more)

    return offer


def simple(stage: Stage, files: Sequence[Path]) -> Settings:
    index = WheelIndex(stage.folder)
    index.add(*files)
    index.publish()
    return {"type": "simple", "url": f"{stage.url}/simple/"}


def channel(stage: Stage, files: Sequence[Path]) -> Settings:
    """Put packages into a channel, dated anew; the index says of each what it says itself."""
    made = CondaChannel(stage.folder / "channel", day=stage.day)
    for file in files:
        made.put(file, "linux-64")
    made.publish()
    return {"type": "conda", "url": f"{stage.url}/channel/"}


def redistrib(stage: Stage, files: Sequence[Path]) -> Settings:
    for file in files:
        version = file.name.split("-")[3].partition("_")[0]
        place = stage.folder / "cudnn/linux-x86_64"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
        found = entry(f"cudnn/linux-x86_64/{file.name}", file.read_bytes())
        product = {"name": "cuDNN", "license": "cudnn", "version": version, "cuda_variant": ["12"]}
        product["linux-x86_64"] = {"cuda12": found}
        manifest = {"release_date": "2026-09-29", "release_label": version.rpartition(".")[0],
                    "release_product": "cudnn", "cudnn": product}  # fmt: skip
        (stage.folder / f"redistrib_{version.rpartition('.')[0]}.json").write_text(json.dumps(manifest))
    write_page(stage.folder)
    return {"type": "redistrib", "url": f"{stage.url}/"}


def toys(stage: Stage, files: Sequence[Path]) -> Settings:
    found = [(*file.stem.split("-"), file.name, Digest.of(file.read_bytes())) for file in files]
    for file in files:
        shutil.copy(file, stage.folder)
    (stage.folder / toy.INDEX).write_bytes(toy.described(found))
    return {"type": toy.NAME, "url": f"{stage.url}/"}


def folder(stage: Stage, files: Sequence[Path]) -> Settings:
    for file in files:
        shutil.copy(file, stage.folder)
    return {"type": "folder", "path": str(stage.folder)}


def installer(stage: Stage, files: Sequence[Path]) -> Settings:
    """Put the last one there: the second holds what the first has."""
    path = Path(shutil.copy(files[-1], stage.folder))
    return {"type": "local-repo", "path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


DEBS = {FIRST: "first=1.0", SECOND: "second=1.0"}
RPMS = {FIRST: "first-1.0-1", SECOND: "second-1.0-1"}
WHEELS = {FIRST: "nvidia-first==1.0", SECOND: "nvidia-second==1.0"}
CONDA = {FIRST: "first 1.0", SECOND: "second 1.0"}
ARCHIVES = {label: f"cudnn={version}" for label, version in VERSIONS.items()}
FILES = {FIRST: "*first*", SECOND: "*second*"}
VERSIONED = {label: f"*{version}*" for label, version in VERSIONS.items()}
REPACKAGED = {label: one.archive_name for label, one in RELEASES.items()}

ROWS = [
    Row("apt pinned", "deb", apt(), DEBS),
    Row("apt whole", "deb", apt(whole=True), sealed=True),
    Row("yum pinned", "rpm", yum(), RPMS),
    Row("yum whole", "rpm", yum(whole=True), sealed=True),
    Row("wheels", "whl", simple, WHEELS, trust=""),
    Row("channel", "conda", channel, CONDA, asks=2, trust=""),
    Row("redistrib", "tar.xz", redistrib, ARCHIVES, trust="", pin={"subdirs": ["linux-64"]}),
    Row("a toy of our own", "toy", toys, {FIRST: "first@1.0", SECOND: "second@1.0"}, trust=""),
    Row("folder of debs", "deb", folder, FILES, asks=0, trust="unsigned"),
    Row("folder of rpms", "rpm", folder, FILES, asks=0, trust="unsigned"),
    Row("folder of wheels", "whl", folder, FILES, asks=0, trust="unsigned"),
    Row("folder of archives", "tar.xz", folder, VERSIONED, asks=0, trust="unsigned"),
    Row("folder of repackaged archives", "tgz", folder, REPACKAGED, asks=0, trust="unsigned",
        pin={"recipe": "cudnn"}, eula=tuple({licence(one) for one in RELEASES.values()})),
    Row("deb installer", "deb installer", installer, {FIRST: "first", SECOND: "second"}, asks=0, trust="unsigned",
        unpacked=True),
    Row("rpm installer", "rpm installer", installer, {FIRST: "first", SECOND: "second"}, asks=0, trust="unsigned",
        unpacked=True),
]  # fmt: skip
