"""The contract of sites, kept by every kind: a folder, a shelf, a store, and buckets of three S3 servers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from simulator.s3 import S3Server
from tests.sites import KINDS, Place, place_of

from cudepot.digest import Digest
from cudepot.errors import MissingError, StorageError

PACKAGE, ROOT = "apt/one/hello_1.0+a~b%2b_amd64.deb", "apt/one/InRelease"


@pytest.fixture(params=KINDS)
def place(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    s3_server: Callable[[str], S3Server],
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    return place_of(request.param, tmp_path, s3_server, monkeypatch)


def tree(place: Place, texts: Mapping[str, bytes]) -> dict[str, Digest]:
    return {path: place.store.add_bytes(text) for path, text in texts.items()}


def publish(place: Place, number: int, **more: bytes) -> dict[str, Digest]:
    """Write and show a snapshot whose root names its number."""
    made = tree(place, {PACKAGE: b"package", ROOT: b"root %d" % number, **{_path(n): b for n, b in more.items()}})
    site = place.make()
    site.write(number, made, extra(number))
    site.switch(number)
    return made


def _path(name: str) -> str:
    return name[1:] if name.startswith("/") else f"apt/one/{name}"


def extra(number: int) -> dict[str, bytes]:
    return {"snapshot.json": b'{"number": %d}' % number, "snapshot.json.asc": b"signature %d" % number}


def test_an_empty_place_shows_nothing(place: Place) -> None:
    site = place.make()
    assert (site.current(), site.newest(), site.document(1)) == (None, 0, b"")
    assert site.prune(1) == []
    with pytest.raises(StorageError):
        site.switch(1)
    with pytest.raises(MissingError):
        site.open(1, PACKAGE)


def test_written_is_not_shown_and_switched_to_is(place: Place) -> None:
    publish(place, 1)
    made = tree(place, {PACKAGE: b"package", "apt/one/new.deb": b"new", ROOT: b"root 2"})
    site = place.make()
    site.write(2, made, extra(2))
    assert place.get(ROOT) == b"root 1", "written is not shown"
    assert place.make().current() == 1
    site.switch(2)
    assert (place.get(ROOT), place.get("apt/one/new.deb"), place.get(PACKAGE)) == (b"root 2", b"new", b"package")
    assert (place.get("snapshot.json"), place.get("snapshot.json.asc")) == (extra(2)["snapshot.json"], b"signature 2")
    again = place.make()
    assert (again.current(), again.newest(), again.document(2)) == (2, 2, extra(2)["snapshot.json"])


def test_what_was_written_reads_back(place: Place) -> None:
    made = publish(place, 1)
    site = place.make()
    assert sorted(site.files(1)) == sorted([*made, *extra(1)])
    for path, digest in made.items():
        with site.open(1, path) as handle:
            assert Digest.of_stream(handle) == digest
        assert bool(site.linked and site.linked(1, path, digest)) == place.linked
    with site.open(1, "snapshot.json") as handle:
        assert handle.read() == extra(1)["snapshot.json"]
    with pytest.raises(MissingError):
        site.open(1, "apt/one/absent")


def test_what_edges_need_comes_to_a_snapshot_that_is_shown_already(place: Place) -> None:
    made, more = publish(place, 1), {"follow.json": b"for edges", "follow.json.asc": b"signed"}
    site = place.make()
    site.write(1, made, extra(1) | more)
    site.switch(1)
    assert (place.get("follow.json"), place.get("snapshot.json")) == (b"for edges", extra(1)["snapshot.json"])


def test_a_stray_file_is_told(place: Place) -> None:
    publish(place, 1)
    place.put("apt/one/stray", b"stray")
    assert "apt/one/stray" in set(place.make().files(1))


def test_changed_files_are_mended(place: Place) -> None:
    made = publish(place, 1, Packages=b"index")
    place.put("apt/one/Packages", b"other")
    place.put(ROOT, b"evil")
    place.make().mend(1, made, extra(1))
    assert (place.get("apt/one/Packages"), place.get(ROOT)) == (b"index", b"root 1")
    assert place.make().current() == 1


def test_going_back_shows_the_old_roots_again(place: Place) -> None:
    publish(place, 1, Packages=b"old index")
    publish(place, 2, Packages=b"new index", **{"other.deb": b"other"})
    assert place.get("apt/one/Packages") == b"new index"
    site = place.make()
    site.switch(1)
    assert (place.get(ROOT), place.get("apt/one/Packages"), place.get("snapshot.json")) == (
        b"root 1", b"old index", extra(1)["snapshot.json"],
    )  # fmt: skip
    again = place.make()
    assert (again.current(), again.newest(), again.document(1)) == (1, 2, extra(1)["snapshot.json"])
    again.switch(2)
    assert (place.get(ROOT), place.get("apt/one/other.deb")) == (b"root 2", b"other")


def test_pruning_keeps_the_newest_and_the_one_shown(place: Place) -> None:
    for number in (1, 2, 3, 4):
        publish(place, number, **{f"only{number}.deb": b"%d" % number})
    site = place.make()
    site.switch(2)
    assert sorted(site.prune(2)) == [1]
    assert site.prune(2) == []
    assert place.get("apt/one/only1.deb") is None
    assert (place.get("apt/one/only2.deb"), place.get(PACKAGE)) == (b"2", b"package")
    with pytest.raises(StorageError):
        place.make().switch(1)
    place.make().switch(4)
    assert place.get("apt/one/only4.deb") == b"4"


def test_an_object_that_is_missing_changes_nothing(place: Place) -> None:
    publish(place, 1)
    made = tree(place, {PACKAGE: b"package", ROOT: b"root 2"}) | {"apt/one/lost.deb": Digest.of(b"lost")}
    with pytest.raises(StorageError):
        place.make().write(2, made, extra(2))
    assert (place.make().current(), place.get(ROOT), place.get("apt/one/lost.deb")) == (1, b"root 1", None)
    place.store.add_bytes(b"lost")
    site = place.make()
    site.write(2, made, extra(2))
    site.switch(2)
    assert (place.get("apt/one/lost.deb"), place.get(ROOT)) == (b"lost", b"root 2")


def test_a_long_object_arrives_whole(place: Place) -> None:
    data = os.urandom(20 << 20)
    digest = publish(place, 1, **{"long.deb": data})["apt/one/long.deb"]
    with place.make().open(1, "apt/one/long.deb") as handle:
        assert Digest.of_stream(handle) == digest


def test_what_is_announced_is_part_of_no_snapshot(place: Place) -> None:
    """What edges read first: it changes without a new snapshot, and is no stranger to it."""
    made = publish(place, 1)
    for said in (b"first", b"second"):
        place.make().announce({"shown.asc": said})
        assert place.make().announced("shown.asc") == said
    site = place.make()
    assert (site.announced("other.asc"), "shown.asc" in site.files(1)) == (b"", False)
    site.mend(1, made, extra(1))
    assert place.make().announced("shown.asc") == b"second"
