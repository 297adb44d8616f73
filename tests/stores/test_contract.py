"""What every store keeps, in a folder and in a bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cudepot.cli.progress import Silent
from cudepot.digest import Digest, Promise, hexdigest
from cudepot.errors import StorageError, TrustError
from cudepot.store.local import LocalStore
from cudepot.store.overlay import dry_run
from cudepot.store.present import absent

Open = Callable[[str], LocalStore]
DATA = b"some bytes"


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalStore]:
    """A store that is held."""
    if request.param == "folder":
        made = LocalStore(tmp_path / "store", create=True)
    else:
        made = request.getfixturevalue("on")("one")
    with made.locked():
        yield made


def test_objects_come_whole_and_stay(store: LocalStore, tmp_path: Path) -> None:
    digest = Digest.of(DATA)
    assert not store.has(digest)
    with pytest.raises(StorageError, match="not in the store"):
        store.open(digest)
    with store.part(digest) as part:
        part.write(DATA[:4])
    with store.part(digest) as part:
        assert part.size == 4
        part.write(DATA[4:])
        part.commit()
    assert store.has(digest)
    assert store.read(digest) == DATA
    assert store.add_bytes(DATA) == digest
    with store.part(digest) as part:
        assert part.size == digest.size
        part.commit()
    store.place(digest, tmp_path / "placed")
    assert (tmp_path / "placed").read_bytes() == DATA
    store.discard(digest)
    assert not store.has(digest)


def test_what_is_not_as_promised_never_shows(store: LocalStore) -> None:
    digest = Digest.of(DATA)
    with store.part(digest) as part:
        part.write(b"other byte")
        with pytest.raises(TrustError):
            part.commit()
    assert not store.has(digest)


def test_made_and_gathered_objects(store: LocalStore) -> None:
    made = store.make(lambda out: out.write(b"made"))
    with store.gathering():
        several = [store.add(iter([b"%d" % number])) for number in range(5)]
        assert all(map(store.has, several))
        assert store.read(several[0]) == b"0"
    assert absent(store, Silent(), [made, *several]) == set()
    lost = Digest.of(b"never came")
    assert absent(store, Silent(), [made, lost]) == {lost}
    assert store.stock().keys() <= {one.sha256 for one in (made, *several)}


def test_promises_snapshots_and_dry_runs(store: LocalStore) -> None:
    promise = Promise(hexdigest(DATA, "sha512"), len(DATA))
    store.note_promise(promise, store.add_bytes(DATA))
    assert store.known_as(promise) == Digest.of(DATA)
    store.snapshots.add(1, b"{}", b"sig")
    with pytest.raises(StorageError, match="never changed"):
        store.snapshots.add(1, b"[]", b"sig")
    with dry_run(store) as view:
        assert view.read(Digest.of(DATA)) == DATA
        assert view.snapshots.numbers() == [1]
        dry = view.add_bytes(b"dry")
    assert not store.has(dry)
