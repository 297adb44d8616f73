"""What a store in a bucket has to keep beyond what every store does: several machines, deaths, records, uploads."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from cudepot.cli.progress import Silent
from cudepot.digest import Digest, Promise
from cudepot.errors import BusyError, ConfigError, StorageError, TrustError
from cudepot.sites.s3.place import S3Place
from cudepot.store import layout
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile
from cudepot.stores.kind import Around
from cudepot.stores.s3.collect import LEASE, Remover
from cudepot.stores.s3.state import StateFile
from cudepot.stores.s3.store import S3Store
from cudepot.stores.s3.uploads import OBJECT
from cudepot.transport.s3 import send
from cudepot.transport.s3.bucket import Bucket, Got
from cudepot.transport.s3.where import Where

Open = Callable[[str], LocalStore]
DATA = b"some bytes"


def test_everything_is_there_for_the_next_machine(on: Callable[[str], S3Store]) -> None:
    one = on("one")
    with one.locked():
        digest = one.add_bytes(DATA)
        many = one.make(lambda out: out.write(b"0123456789abcdef" * (3 << 20)))
        one.note_promise(Promise("0" * 128, len(DATA)), digest)
        one.memory("up").keep_pages({"InRelease": {"sha256": digest.sha256, "size": digest.size}})
        one.snapshots.add(1, b"{}", b"sig")
        name = one.id()
    two = on("two")
    with two.locked():
        assert two.here(digest) != one.here(digest)
        assert not Path(two.here(digest)).exists()
        assert two.read(digest) == DATA
        assert Path(two.here(digest)).exists()
        with two.open(many) as handle:
            assert many.kept_by(handle)
        assert two.known_as(Promise("0" * 128, len(DATA))) == digest
        assert two.memory("up").pages() == one.memory("up").pages()
        assert two.snapshots.read(1) == (b"{}", b"sig")
        assert two.id() != name  # two machines are two publishers: neither takes the lock of a site from the other


def test_of_two_machines_at_a_time_the_first_to_end_wins(on: Callable[[str], S3Store]) -> None:
    with on("begin").locked():
        pass
    one, two = on("one"), on("two")
    with one.locked(dry=True), one.sending():  # as a run that goes on
        one.memory("up").keep_pages({"x": {"size": 1}})
        late = one.add_bytes(b"of the loser")
        with two.locked():
            two.memory("up").keep_pages({"x": {"size": 2}})
        with pytest.raises(BusyError, match="another machine changed this store meanwhile"):
            one.commit()
    with one.locked():
        assert one.memory("up").pages() == {"x": {"size": 2}}
        assert one.has(late), "its objects are kept: they are what they are"


def test_a_run_that_counts_on_an_object_that_went_cannot_finish(where: Where, tmp_path: Path) -> None:
    def on(name: str) -> S3Store:
        around = Around(tmp_path / name, tmp_path / name / "store", Silent(), "tests")
        return S3Store(around, Bucket(replace(where, grace=0), "tests"))

    first = on("first")
    with first.locked():
        first.collect([])
    with first.locked(dry=True), first.sending():
        digest = first.add_bytes(DATA)  # as a run that is killed
    one, two = on("one"), on("two")
    with one.locked(dry=True), one.sending():
        assert one.has(digest)
        with two.locked():
            assert two.collect([digest.sha256]) == [digest.sha256], "the state says then what it said before"
        one.memory("up").keep_pages({"x": {"size": 1}})
        with pytest.raises(BusyError, match="another machine changed this store meanwhile"):
            one.commit()


def test_a_snapshot_number_is_given_once(on: Callable[[str], S3Store]) -> None:
    with on("begin").locked():
        pass
    one, two = on("one"), on("two")
    with one.locked(dry=True), one.sending():
        with two.locked():
            two.snapshots.add(1, b"{}", b"two")
        with pytest.raises(BusyError):
            one.snapshots.add(1, b"{}", b"one")
        with pytest.raises(BusyError, match="another machine made snapshot 1 meanwhile"):
            one.snapshots.create(1, b"{}", b"one")
    with one.locked():
        assert one.snapshots.read(1) == (b"{}", b"two")


def test_a_snapshot_that_was_decided_on_is_one_though_its_machine_died(on: Callable[[str], S3Store]) -> None:
    one = on("one")
    with one.locked(dry=True), one.sending():
        one.commit(coming=(1, b'{"document": "{}", "signature": "sig"}'))
    assert one.snapshots.numbers() == []
    two = on("two")
    with two.locked(dry=True):
        assert two.snapshots.read(1) == (b"{}", b"sig")
    with two.locked():
        assert two.collect([]) == []
    with two.locked():
        two.snapshots.add(2, b"{2}", b"sig")
    three = on("three")
    with three.locked():
        assert three.snapshots.numbers() == [1, 2]


def test_a_bare_machine_that_dies_while_it_begins_can_begin_again(
    on: Callable[[str], S3Store], where: Where, tmp_path: Path
) -> None:
    one = on("one")
    with one.locked():
        one.snapshots.add(1, b"{}", b"sig")

    class Dying(Bucket):
        """Ends with the records."""

        def get(self, key: str) -> Got | None:
            if key.startswith("records/"):
                raise KeyboardInterrupt
            return super().get(key)

    (tmp_path / "two").mkdir()
    two = S3Store(Around(tmp_path / "two", tmp_path / "two/store", Silent(), "tests"), Dying(where, "tests"))
    with pytest.raises(KeyboardInterrupt), two.locked():
        pass
    assert two.snapshots.numbers() == [1]
    with on("two").locked():
        pass


def test_records_that_went_while_they_were_read_are_looked_up_again(where: Where, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    now = replace(where, grace=0)
    one = S3Store(Around(tmp_path / "one", tmp_path / "one/store", Silent(), "tests"), Bucket(now, "tests"))
    with one.locked():
        one.memory("up").keep_pages({"x": {"size": 1, "why": "x" * 300}})

    class Slow(Bucket):
        """Another machine is faster."""

        def get(self, key: str) -> Got | None:
            if key.startswith("records/") and not quick:
                quick.append(key)
                with one.locked():
                    one.memory("up").keep_pages({"x": {"size": 2, "why": "y" * 300}})
                with one.locked():
                    one.collect([])
            return super().get(key)

    quick: list[str] = []
    two = S3Store(Around(tmp_path, tmp_path / "store", Silent(), "tests"), Slow(now, "tests"))
    with two.locked(dry=True):
        assert two.memory("up").pages() == {"x": {"size": 2, "why": "y" * 300}}
    assert Bucket(now, "tests").get(quick[0]) is None


def test_who_removes_gives_signs_of_life_and_stops_when_another_took_over(
    on: Callable[[str], S3Store], where: Where
) -> None:
    with on("one").locked():
        pass
    bucket, clock = Bucket(where, "tests"), [0.0]
    state = StateFile(bucket)
    begun = state.read()
    remover = Remover(bucket, state, lambda: clock[0])
    for key in ("objects/1", "objects/2", "objects/3"):
        bucket.put(key, DATA, OBJECT, Digest.of(DATA).sha256)
    remover.remove(["objects/1"])
    assert StateFile(bucket).read() == begun
    clock[0] += LEASE / 2
    remover.remove(["objects/2"])
    assert StateFile(bucket).read() == (begun and replace(begun, serial=begun.serial + 1))
    with on("two").locked():
        on("two").memory("up").keep_pages({"x": {"size": 2}})
    clock[0] += LEASE
    with pytest.raises(BusyError, match="another machine changed this store meanwhile"):
        remover.remove(["objects/3"])
    assert [key for key, _, _ in bucket.stock("objects/")] == ["objects/3"]


class Changing(LocalStore):
    """A store whose objects change while they are read."""

    def open(self, digest: Digest) -> BinaryIO:
        return io.BytesIO(bytes(digest.size))


@pytest.mark.parametrize("where", ["moto", pytest.param("radosgw", marks=pytest.mark.slow)], indirect=True)
def test_uploads_that_were_cut_are_given_up(
    on: Callable[[str], S3Store], where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "WHOLE", 1 << 20)
    bucket, store = Bucket(where, "tests"), Changing(tmp_path / "folder", create=True)
    with pytest.raises(TrustError):
        send.Sender(bucket, store, lambda _: OBJECT, absent=True).send_one("objects/1", Digest("0" * 64, 6 << 20))
    assert list(bucket.uploads("objects/")) == []
    bucket.begin_parts("objects/2", OBJECT, "0" * 64)
    one = on("one")
    with one.locked():
        ((_, _, begun),) = bucket.uploads("objects/")
        if begun > time.time() - 3600:  # moto says 2010 of all
            one.collect([])
            assert [key for key, _, _ in bucket.uploads("objects/")] == ["objects/2"]
        one.bucket.place = replace(where, grace=-60)
        one.collect([])
    assert list(bucket.uploads("objects/")) == []


def test_a_folder_with_records_of_its_own_keeps_them(on: Callable[[str], S3Store], tmp_path: Path) -> None:
    with on("one").locked():
        pass
    folder = LocalStore(tmp_path / "two/store", create=True)
    with folder.locked():
        folder.roots_log.append([{"root": "seen"}])
    with pytest.raises(ConfigError, match=r"has roots\.log of its own"), on("two").locked():
        pass
    assert folder.at(layout.ROOTS_LOG).exists()


def test_a_removed_snapshot_stays_removed(on: Callable[[str], S3Store]) -> None:
    one, two = on("one"), on("two")
    with one.locked():
        for number in (1, 2, 3):
            one.snapshots.add(number, b"{%d}" % number, b"sig")
    with two.locked():
        two.snapshots.remove(1, link=False)
        two.snapshots.remove(2, link=True)
    for machine in (one, on("three")):
        with machine.locked():
            assert (machine.snapshots.numbers(), machine.snapshots.documents()) == ([3], [2, 3])
            assert machine.snapshots.document(2) == b"{2}"


def test_a_run_that_fails_keeps_what_it_found_out(on: Callable[[str], S3Store]) -> None:
    one = on("one")

    def fail() -> None:
        with one.locked():
            one.memory("up").keep_faults([{"kind": "stale"}])
            raise TrustError("of an upstream")

    with pytest.raises(TrustError):
        fail()
    two = on("two")
    with two.locked(dry=True):
        assert two.memory("up").faults() == [{"kind": "stale"}]


def test_a_cache_is_trimmed_to_what_is_left_to_it(where: Where, tmp_path: Path) -> None:
    around = Around(tmp_path, tmp_path / "store", Silent(), "tests")
    small = S3Store(around, Bucket(where, "tests"), cache=10)
    with small.locked():
        objects = [small.add_bytes(b"%09d" % number) for number in range(4)]
        shown = small.add_bytes(b"shown too")
        small.place(shown, tmp_path / "shown")
    here = [one for one in (*objects, shown) if Path(small.here(one)).exists()]
    assert shown in here
    assert len(here) <= 2
    with small.locked():
        assert [small.read(one) for one in objects] == [b"%09d" % number for number in range(4)]
    (tmp_path / "bare").mkdir()
    bare = S3Store(Around(tmp_path / "bare", tmp_path / "bare/store", Silent(), "tests"), small.bucket, cache=20)
    with bare.locked():
        assert bare.lacking([*objects, *objects]) == 36
        at_a_time = [len(list(bare.objects())) for _ in bare.brought(objects)]
        assert at_a_time == [2, 2, 4, 4], "those before may be linked to meanwhile: they go when the next have come"
        assert len(list(bare.objects())) == 2


def test_a_site_on_the_same_server_copies(on: Callable[[str], S3Store], where: Where) -> None:
    one = on("one")
    with one.locked():
        digest = one.add_bytes(DATA)
    site = S3Place("elsewhere", "", where.endpoint, path_style=True)
    assert one.server_copy(site, digest) == (where.bucket, f"x/objects/{digest.sha256[:2]}/{digest.sha256}")
    assert one.server_copy(S3Place("elsewhere", "", "http://other"), digest) is None
    assert one.server_copy(site, Digest.of(b"not there")) is None


def test_the_records_of_a_bucket_are_sealed(on: Callable[[str], S3Store], where: Where) -> None:
    one = on("one")
    with one.locked():
        SealedFile(one.root / "rollback.json").write({"shows": 1, "why": "x" * 300})
    bucket = Bucket(where, "tests")
    (record,) = [key for key, size, _ in bucket.stock("records/") if b'"shows"' in (bucket.get(key) or one).body]  # type: ignore[union-attr]
    bucket.delete(record)
    two = on("two")
    with pytest.raises(StorageError, match="a record of the store is not in the bucket"), two.locked():
        pass


def test_a_worker_asks_for_an_object_once(on: Callable[[str], S3Store], where: Where, tmp_path: Path) -> None:
    kept = on("one")
    with kept.locked():
        there = kept.add_bytes(DATA)
    bucket = Bucket(where, "tests")
    (tmp_path / "worker").mkdir()
    worker = S3Store(Around(tmp_path / "worker", tmp_path / "worker/store", Silent(), "tests"), bucket, singly=True)
    lacking = Digest.of(b"new")
    with worker.sending():
        before = bucket.requests
        assert worker.has(there)
        assert not worker.has(lacking)
        assert not worker.has(lacking)
        assert bucket.requests == before + 2
        with worker.part(lacking) as part:
            part.write(b"new")
            part.commit()
    assert bucket.requests == before + 3, "and one to write it"
    assert kept.there.holds(there)
    kept.relist()
    assert kept.has(lacking)
