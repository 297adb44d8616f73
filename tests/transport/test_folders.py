"""A folder as an upstream, and a folder as a site: nothing leads out of the one, the other switches at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from cudepot.digest import Digest
from cudepot.errors import CudepotError, MissingError, StorageError, UpstreamError
from cudepot.sites.folder.site import FolderSite
from cudepot.store.local import LocalStore
from cudepot.transport.folder.source import FolderSource


@pytest.fixture
def source(tmp_path: Path) -> FolderSource:
    (tmp_path / "secret").write_bytes(b"secret")
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub/file").write_bytes(b"0123456789")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "in").symlink_to("sub/file")
    return FolderSource(root)


def test_files_are_read_measured_and_streamed(source: FolderSource) -> None:
    page = source.read("sub/file", limit=10)
    assert page is not None
    assert page.body == b"0123456789"
    assert source.size("in") == 10
    with source.stream("sub/file", 4) as (offset, chunks):
        assert (offset, b"".join(chunks)) == (4, b"456789")
    with pytest.raises(UpstreamError, match="more than 9 bytes"):
        source.read("sub/file", limit=9)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "out", "sub/../../secret", "http://h/x", "file:///x", ""])
def test_nothing_leads_out_of_the_folder(source: FolderSource, path: str) -> None:
    with pytest.raises(CudepotError):
        source.size(path)


def test_what_is_not_there_is_told_as_such(source: FolderSource) -> None:
    for path in ("absent", "sub"):
        with pytest.raises(MissingError):
            source.read(path, limit=1)


def folder_site(path: Path) -> FolderSite:
    """A site over a store that has the objects of TREE."""
    store = LocalStore(path.parent / f"{path.name}-store", create=True, durable=False)
    for data in (b"1", b"22"):
        store.add_bytes(data)
    return FolderSite(path, store)


TREE = {"a/b/c": Digest.of(b"1"), "d": Digest.of(b"22")}


def test_a_site_shows_what_was_switched_to(tmp_path: Path) -> None:
    site = folder_site(tmp_path / "site")
    assert site.current() is None
    site.write(1, TREE, {"snapshot.json": b"{}"})
    assert site.current() is None, "written is not shown"
    site.switch(1)
    assert site.current() == 1
    assert (site.current_path / "a/b/c").read_bytes() == b"1"
    assert (site.current_path / "snapshot.json").read_bytes() == b"{}"
    site.write(2, {"d": TREE["d"]}, {})
    assert (site.current_path / "a/b/c").exists(), "the old one is untouched"
    site.switch(2)
    assert (site.current(), (site.current_path / "a").exists()) == (2, False)
    assert str(site.current_path.readlink()) == "snapshots/000002", "relative, so that the site can be moved"


def test_a_client_never_meets_a_site_that_shows_nothing(tmp_path: Path) -> None:
    site = folder_site(tmp_path / "site")
    for number in (1, 2):
        site.write(number, TREE, {})
    site.switch(1)
    done, gaps = threading.Event(), []

    def look() -> None:
        while not done.is_set():
            if not (site.current_path / "d").exists():
                gaps.append(1)

    client = threading.Thread(target=look)
    client.start()
    for number in [2, 1] * 200:
        site.switch(number)
    done.set()
    client.join()
    assert not gaps


def test_a_snapshot_that_was_not_written_cannot_be_shown(tmp_path: Path) -> None:
    site = folder_site(tmp_path / "site")
    with pytest.raises(StorageError, match="no such snapshot"):
        site.switch(1)
    (tmp_path / "site/snapshots").mkdir(parents=True)
    (tmp_path / "site/current").symlink_to("snapshots/000007")
    assert site.current() is None, "a link to nowhere shows nothing"


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = folder_site(tmp_path / "site")
    site.write(1, TREE, {})
    site.switch(1)

    place = LocalStore.place

    def failing(store: LocalStore, digest: Digest, target: Path) -> None:
        if digest.size == 2:
            raise OSError(28, "No space left on device")
        place(store, digest, target)

    monkeypatch.setattr(LocalStore, "place", failing)
    with pytest.raises(StorageError, match="No space left on device"):
        site.write(2, TREE, {})
    assert [one.name for one in (tmp_path / "site/snapshots").iterdir()] == ["000001"]
    assert site.current() == 1


def test_what_a_killed_run_left_is_overwritten(tmp_path: Path) -> None:
    site = folder_site(tmp_path / "site")
    for name in ("000001.partial", "000001"):
        (tmp_path / "site/snapshots" / name).mkdir(parents=True)
        (tmp_path / "site/snapshots" / name / "old").write_bytes(b"")
    (tmp_path / "site/.current.new").symlink_to("nowhere")
    site.write(1, TREE, {})
    site.switch(1)
    assert sorted(one.name for one in site.current_path.iterdir()) == ["a", "d"]
    assert sorted(one.name for one in (tmp_path / "site").iterdir()) == ["current", "snapshots"]


def test_pruning_keeps_the_newest_and_the_one_shown(tmp_path: Path) -> None:
    site = folder_site(tmp_path / "site")
    for number in (1, 2, 3, 4, 10):
        site.write(number, TREE, {})
    site.switch(2)
    assert sorted(site.prune(2)) == [1, 3]
    left = sorted(one.name for one in (tmp_path / "site/snapshots").iterdir())
    assert left == ["000002", "000004", "000010"]
    assert site.prune(2) == []
