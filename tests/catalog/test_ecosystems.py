"""What is a package, and of which ecosystem: every table of cudepot says the same of the same path."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from cudepot.catalog import ecosystems
from cudepot.catalog.ecosystems import APT, Ecosystem, HeldKind, Row, label, plural, register, row_for, row_of, rows
from cudepot.catalog.lock import Artifact, Lock, LockedUpstream
from cudepot.catalog.site.diff import count_packages, diff_trees, ecosystem
from cudepot.catalog.site.file_traits import IMMUTABLE, SHORT, traits
from cudepot.catalog.site.holdings import held_in
from cudepot.catalog.site.names import names_of
from cudepot.digest import Digest
from cudepot.ports import Rank
from cudepot.workflows.publish.parts import is_kept_by_path
from cudepot.workflows.publish.result import is_package

ONE, OTHER = Digest.of(b"one"), Digest.of(b"other")


class Said(NamedTuple):
    """What all tables say of one site path.

    Attributes:
        ecosystem: empty for what is no package.
        name: what it is known by for ever; empty where its path stands for it.
        identity: name and version that two snapshots are compared by.
        held: kind, name and version that the site's page has; empty for what only the lock could tell.
    """

    path: str
    ecosystem: str
    name: str = ""
    identity: tuple[str, str] = ("", "")
    held: tuple[str, ...] = ()


TABLE = [
    Said("apt/u/x_1-1_amd64.deb", "apt", "", ("x", "1-1")),
    Said("compute/cuda/repos/u/x86_64/x_1-1_amd64.deb", "apt", "", ("x", "1-1")),
    Said("yum/r/x-y-1-1.x86_64.rpm", "yum", "", ("x-y", "1-1")),
    Said("conda/forge/linux-64/x-1-0.conda", "conda", "linux-64/x-1-0.conda", ("x", "1-0"), ("conda", "x", "1")),
    Said("conda/forge/linux-64/x-1-0.tar.bz2", "conda", "linux-64/x-1-0.tar.bz2", ("x", "1-0"), ("conda", "x", "1")),
    Said("wheels/x-1-py3-none-any.whl", "wheel", "x-1-py3-none-any.whl", ("x", "1"), ("wheel", "x", "1")),
    Said("wheels/torch-2.0.tar.gz", "wheel", "torch-2.0.tar.gz", ("torch", "2.0"), ("sdist", "torch", "2.0")),
    Said("wheels/my-pkg-2.0.zip", "wheel", "my-pkg-2.0.zip", ("my-pkg", "2.0"), ("sdist", "my-pkg", "2.0")),
    Said("files/r/cudnn-linux-x86_64-9.1.0.70_cuda12-archive.tar.xz", "file"),
    Said("files/r/installer_1_amd64.deb", "file"),
    Said("apt/u/pool/x_1.orig.tar.bz2", ""),
    Said("apt/u/pool/x_1.tar.gz", ""),
    Said("wheels/x-1-py3-none-any.whl.metadata", ""),
    Said("conda/forge/linux-64/repodata.json", ""),
    Said("simple/x/index.html", ""),
    Said("yum/r/repodata/repomd.xml", ""),
    Said("apt/u/InRelease", ""),
]


@pytest.mark.parametrize("said", TABLE, ids=lambda said: said.path)
def test_every_table_says_the_same(said: Said) -> None:
    package = bool(said.ecosystem)
    nvidias = said.path.startswith("compute/")  # shown a second time, counted once
    assert ecosystem(said.path) == said.ecosystem
    assert count_packages({said.path: ONE}) == ({said.ecosystem: 1} if package else {})
    assert names_of({said.path: ONE}) == ({said.name: ONE.sha256} if said.name else {})
    assert is_package(said.path) == (package and not nvidias)
    assert is_kept_by_path(said.path) == (package and not said.name)
    if package:
        assert traits(said.path)[::2] == (Rank.PACKAGE, IMMUTABLE)
    held = [(one.kind, one.name, one.version) for one in held_in({said.path: ONE}, Lock())]
    assert held == ([said.held] if said.held else [])


@pytest.mark.parametrize("said", [one for one in TABLE if one.identity[0]], ids=lambda said: said.path)
def test_two_versions_of_a_package_are_one_change(said: Said) -> None:
    (change,) = diff_trees({said.path: ONE}, {said.path: OTHER}, lambda _: "pin")
    assert (change.ecosystem, change.name, change.kind) == (said.ecosystem, said.identity[0], "changed")
    assert change.before == change.after == said.identity[1]


@pytest.mark.parametrize(
    ("path", "rank", "lasting"),
    [
        ("apt/u/pool/x_1.orig.tar.bz2", Rank.INDEX, SHORT),
        ("wheels/x-1-py3-none-any.whl.metadata", Rank.PACKAGE, IMMUTABLE),
        ("conda/forge/linux-64/repodata.json", Rank.ROOT, SHORT),
        ("conda/forge/linux-64/shards/" + "0" * 64 + ".msgpack.zst", Rank.HASHED, IMMUTABLE),
        ("simple/x/index.html", Rank.ROOT, SHORT),
        ("yum/r/repodata/repomd.xml.asc", Rank.ROOT, SHORT),
        ("apt/u/Packages.gz", Rank.INDEX, SHORT),
        ("snapshot.json", Rank.ROOT, SHORT),
    ],
)
def test_what_is_no_package_is_written_after_what_it_names(path: str, rank: Rank, lasting: str) -> None:
    assert traits(path)[::2] == (rank, lasting)


def test_every_ecosystem_has_a_row_and_every_kind_a_name() -> None:
    assert {one.name for one in rows()} >= set(Ecosystem)
    assert all(row_for(one.artifact) is one for one in rows())
    assert all(label(one) and plural(one) for one in HeldKind)


TOY = Row("toy", "toys", "toy", "toy", "toys", suffixes=(".toy",), roots=("TOYS",), media_types=((".toy", "x/toy"),))


@pytest.fixture
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a row for one test alone."""
    monkeypatch.setattr(ecosystems, "_table", ecosystems._table)
    register(TOY)


@pytest.mark.usefixtures("_toy")
def test_a_kind_that_is_added_brings_its_own_row() -> None:
    path = "toys/upstream/bear-1.toy"
    assert row_of(path) is TOY
    assert traits(path) == (Rank.PACKAGE, "x/toy", IMMUTABLE)
    assert traits("toys/upstream/TOYS").rank == Rank.ROOT
    bear = Artifact("upstream", "toy", "bear", "1", "any", "bear-1.toy", "bear-1.toy", ONE)
    (held,) = held_in({path: ONE}, Lock((), (bear,)))
    assert (held.kind, held.repository, held.path, label(held.kind)) == ("toy", "toys/upstream", path, "toy")
    assert LockedUpstream("upstream", "toy", "", "").row is TOY
    assert is_package(path)
    assert is_kept_by_path(path)


@pytest.mark.parametrize("taken", [{"name": "apt"}, {"room": "yum"}, {"artifact": "deb"}, {"suffixes": (".whl",)}])
@pytest.mark.usefixtures("_toy")
def test_no_row_takes_what_is_another_ones(taken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is another one's"):
        register(TOY._replace(**{"name": "other", "room": "others", "artifact": "other", "suffixes": (), **taken}))
    assert row_of("x/y.whl") is not TOY
    assert row_for("deb") is APT
