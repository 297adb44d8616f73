"""The store's contract: what is visible is complete and right, a crash leaves a part, one process at a time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.store.objects import DATA, DIGEST, content

from cudepot.digest import Digest
from cudepot.errors import BusyError, ConfigError, StorageError, TrustError
from cudepot.store.local import LocalStore
from cudepot.store.overlay import dry_run
from cudepot.store.snapshots import Snapshots


def test_an_object_is_visible_when_it_is_complete_and_only_then(store: LocalStore) -> None:
    with store.part(DIGEST) as part:
        part.write(DATA)
        assert not store.has(DIGEST)
        part.commit()
        assert store.has(DIGEST)
    assert content(store) == DATA
    assert list(store.objects()) == [store.path(DIGEST)]
    assert not list((store.root / "parts").iterdir())


def test_objects_are_read_only(store: LocalStore) -> None:
    store.add_bytes(DATA)
    assert stat.S_IMODE(store.path(DIGEST).stat().st_mode) == 0o444


def test_what_has_arrived_survives_and_is_gone_on_with(store: LocalStore) -> None:
    with store.part(DIGEST) as part:
        part.write(DATA[:4000])
    with store.part(DIGEST) as part:
        assert part.size == 4000
        part.write(DATA[4000:])
        part.commit()
    assert content(store) == DATA


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(DATA)), max_size=4))
def test_any_cuts_give_the_same_object(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    store = LocalStore(tmp_path_factory.mktemp("store"), create=True, durable=False)
    for end in [*sorted(cuts), len(DATA)]:
        with store.part(DIGEST) as part:
            part.write(DATA[part.size : end])
            if end == len(DATA):
                part.commit()
                break
    assert content(store) == DATA


def test_wrong_bytes_never_become_visible(store: LocalStore) -> None:
    wrong = DATA[:-1] + b"X"
    with store.part(DIGEST) as part:
        part.write(wrong)
        with pytest.raises(TrustError, match="at the same size"):
            part.commit()
        assert part.size == 0, "and are forgotten"
        part.write(DATA)
        part.commit()
    assert content(store) == DATA


def test_too_few_and_too_many_bytes_never_become_visible(store: LocalStore) -> None:
    with store.part(DIGEST) as part:
        part.write(DATA[:-1])
        with pytest.raises(TrustError, match=f"{len(DATA) - 1} bytes where {len(DATA)} were promised"):
            part.commit()
        part.write(DATA)
        with pytest.raises(TrustError, match="more bytes than promised"):
            part.write(b"X")
        assert part.size == 0
    assert not store.has(DIGEST)


def test_a_part_that_is_too_long_is_started_over(store: LocalStore) -> None:
    (store.root / "parts" / DIGEST.sha256).write_bytes(DATA + b"X")
    with store.part(DIGEST) as part:
        assert part.size == 0


def test_bytes_of_unknown_digest_are_stored_under_theirs(store: LocalStore) -> None:
    assert store.add(iter([DATA[:10], DATA[10:]])) == DIGEST
    assert store.make(lambda out: out.write(DATA)) == DIGEST
    assert content(store) == DATA
    assert not list((store.root / "tmp").iterdir())


def test_a_failing_writer_leaves_nothing(store: LocalStore) -> None:
    def fail(out: object) -> None:
        raise StorageError("no")

    with pytest.raises(StorageError):
        store.make(fail)
    assert not list((store.root / "tmp").iterdir())
    assert not list(store.objects())


def test_adding_again_keeps_the_object_that_is_there(store: LocalStore) -> None:
    store.add_bytes(DATA)
    before = store.path(DIGEST).stat()
    store.add_bytes(DATA)
    after = store.path(DIGEST).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_truncated_object_does_not_count_and_is_replaced(store: LocalStore) -> None:
    store.add_bytes(DATA)
    store.path(DIGEST).chmod(0o644)
    store.path(DIGEST).write_bytes(DATA[:-1])
    assert not store.has(DIGEST)
    with pytest.raises(TrustError, match="is damaged"):
        store.open(DIGEST)
    store.add_bytes(DATA)
    assert content(store) == DATA


@pytest.mark.parametrize("how", ["replaced", "longer", "written"])
def test_an_object_that_was_written_to_does_not_count_whatever_its_size(store: LocalStore, how: str) -> None:
    """What earlier versions did to themselves (A1), and what anybody may do to a file of a site, which is a link."""
    store.add_bytes(DATA)
    path, wrong = store.path(DIGEST), DATA[:-1] + b"X"
    if how == "replaced":
        path.unlink()
        path.write_bytes(wrong)
    else:
        path.chmod(0o644)
        with path.open("ab" if how == "longer" else "r+b") as file:
            file.write(DATA[:10] if how == "longer" else b"X")
    for one in (store, LocalStore(store.root)):
        assert not one.has(DIGEST)
        assert one.is_damaged(DIGEST)
        with pytest.raises(TrustError, match="is damaged"):
            one.place(DIGEST, store.root / "placed")
    with store.part(DIGEST) as part:
        part.write(DATA)
        part.commit()
    assert content(store) == DATA


def test_an_object_without_a_mark_is_hashed_once(store: LocalStore) -> None:
    store.add_bytes(DATA)
    os.utime(store.path(DIGEST), ns=(0, 1_700_000_000_123_456_789))
    assert not store.is_marked(DIGEST)
    assert LocalStore(store.root, quick=True).has(DIGEST)
    assert not store.is_marked(DIGEST), "a verb that only looks changes nothing"
    assert store.has(DIGEST)
    assert store.is_marked(DIGEST)
    assert store.path(DIGEST).stat().st_mtime_ns // 10**9 == 1_700_000_000, "web servers tell clients the second"


def test_a_store_on_a_read_only_disk_is_not_hashed_again_and_again(store: LocalStore) -> None:
    """What cannot be marked there is taken at its size, but for the first object."""
    others = [store.add_bytes(DATA + bytes([number])) for number in range(2)]
    for one in others:
        os.utime(store.path(one), ns=(0, 0))
    command = [sys.executable, "-c", READER, str(store.root), *(one.sha256 for one in others)]
    bound = f'mount --bind {store.root} {store.root} && mount -o remount,bind,ro {store.root} && exec "$@"'
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("needs a mount namespace")
    done = subprocess.run(["unshare", "-m", "sh", "-c", bound, "sh", *command], capture_output=True, check=True)
    assert done.stdout.decode().split() == ["True", "True", "1"]


READER = """
import sys
from pathlib import Path
from cudepot.digest import Digest
from cudepot.store.local import LocalStore
store = LocalStore(Path(sys.argv[1]))
hashed, real = [], store.marks.hashed
store.marks.hashed = lambda path: hashed.append(path) or real(path)
print(*(store.has(Digest(one, 10001)) for one in sys.argv[2:]), len(hashed))
"""


def test_placing_shares_the_inode_and_a_copy_is_checked(store: LocalStore, tmp_path: Path) -> None:
    store.add_bytes(DATA)
    store.place(DIGEST, tmp_path / "link")
    assert (tmp_path / "link").samefile(store.path(DIGEST))
    store._copy(DIGEST, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == DATA
    times = store.path(DIGEST).stat()
    store.path(DIGEST).chmod(0o644)
    store.path(DIGEST).write_bytes(DATA[:-1] + b"X")
    os.utime(store.path(DIGEST), ns=(times.st_atime_ns, times.st_mtime_ns))  # as a dying disk does
    with pytest.raises(TrustError):
        store._copy(DIGEST, tmp_path / "bad")
    with pytest.raises(StorageError, match="is not in the store"):
        store.place(Digest.of(b"absent"), tmp_path / "absent")


def test_discarding(store: LocalStore) -> None:
    store.add_bytes(DATA)
    store.discard(DIGEST)
    store.discard(DIGEST)
    assert not store.has(DIGEST)


def test_one_holder_at_a_time(store: LocalStore) -> None:
    with store.locked(), pytest.raises(BusyError, match=f"pid {os.getpid()}"), LocalStore(store.root).locked():
        pass
    with store.locked():
        pass


def test_the_next_holder_clears_away_what_a_killed_one_left(store: LocalStore) -> None:
    (store.root / "tmp/half").write_bytes(b"x")
    (store.root / "tmp/folder/sub").mkdir(parents=True)
    part = store.root / "parts" / DIGEST.sha256
    part.write_bytes(DATA[:9])
    with store.locked(dry=True):
        assert len(list((store.root / "tmp").iterdir())) == 2, "a dry run changes nothing"
    with store.locked():
        assert not list((store.root / "tmp").iterdir())
    assert part.read_bytes() == DATA[:9], "what is of use stays"


def test_a_scratch_store_goes_away(store: LocalStore) -> None:
    with store.scratch() as scratch:
        scratch.add_bytes(DATA)
        root = scratch.root
        assert not store.has(DIGEST)
    assert not root.exists()


def test_a_dry_run_reads_the_store_and_writes_beside_it(store: LocalStore) -> None:
    store.add_bytes(DATA)
    (store.root / "upstreams").mkdir()
    (store.root / "upstreams/u.json").write_text("{}")
    with dry_run(store) as view:
        assert content(view) == DATA
        new = view.add_bytes(b"new")
        assert view.add_bytes(DATA) == DIGEST
        assert content(view, new) == b"new"
        (view.root / "upstreams/u.json").write_text("changed")
    assert list(store.objects()) == [store.path(DIGEST)]
    assert (store.root / "upstreams/u.json").read_text() == "{}"
    assert not list((store.root / "tmp").iterdir())


def test_only_a_store_of_this_format_is_opened(tmp_path: Path, store: LocalStore) -> None:
    with pytest.raises(ConfigError, match="no cudepot store here"):
        LocalStore(tmp_path / "nowhere")
    for text, told in ((b"cudepot-store 2\n", "2"), (b"cudepot-store \xb1\n", "\ufffd")):
        (store.root / "FORMAT").write_bytes(text)
        with pytest.raises(ConfigError, match=f"'cudepot-store {told}'"):
            LocalStore(store.root, create=True)


def test_snapshots_are_written_once_and_complete_with_their_signature(store: LocalStore) -> None:
    snapshots = Snapshots(store.root)
    assert snapshots.numbers() == []
    snapshots.add(1, b"one", b"signature")
    snapshots.add(10, b"ten", b"signature")
    (store.root / "snapshots/000011.json").write_bytes(b"killed before it was signed")
    assert snapshots.numbers() == [1, 10]
    assert snapshots.read(1) == (b"one", b"signature")
    with pytest.raises(StorageError, match="never changed"):
        snapshots.add(1, b"other", b"signature")
    with pytest.raises(StorageError, match="cannot read snapshot 11"):
        snapshots.read(11)
    snapshots.add(11, b"again", b"signature")
    assert snapshots.read(11) == (b"again", b"signature")


def test_gathered_objects_are_read_at_once_and_become_objects_in_the_end(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[int] = []
    monkeypatch.setattr(os, "fsync", waited.append)
    pages = [f"page {number}".encode() for number in range(50)]
    with store.gathering():
        made = [store.add_bytes(one) for one in (*pages, *pages)]
        assert [content(store, one) for one in made[:50]] == pages
        assert all(map(store.has, made))
        assert not list(store.objects())
        assert not waited, "the disk is waited for once, in the end"
    assert {one.name for one in store.objects()} == {one.sha256 for one in made}
    assert all(map(LocalStore(store.root).is_marked, made))
    assert not list((store.root / "tmp").iterdir())
    folders = {one.parent for one in store.objects()}
    assert len(waited) == len(pages) + len(folders) + 1
    store.add_bytes(b"later")
    assert store.path(Digest.of(b"later")).parent.parent.name == "objects", "and no longer"


def test_what_was_gathered_by_a_run_that_failed_is_gone(store: LocalStore) -> None:
    def failing() -> None:
        with store.gathering():
            store.add_bytes(DATA)
            raise StorageError("no")

    with pytest.raises(StorageError):
        failing()
    assert not store.has(DIGEST)
    assert not list((store.root / "tmp").iterdir())
