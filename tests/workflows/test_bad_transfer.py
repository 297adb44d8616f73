"""Packages that arrive late, in pieces, changed or not at all: nothing wrong is ever visible in the store."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from simulator.faults import BadRange
from simulator.nvidia import Nvidia
from simulator.project import DEB, Project, same_files

RUNTIME, DEV = f"libcudnn8_{DEB}_amd64.deb", f"libcudnn8-dev_{DEB}_amd64.deb"


@pytest.fixture
def locked(shown: Project, nvidia: Nvidia) -> Project:
    """A project that shows a site, has locked both debs and fetched neither."""
    shown.add_apt(nvidia)
    shown.run("lock")
    nvidia.server.forget()
    return shown


@pytest.fixture
def runtime(nvidia: Nvidia) -> bytes:
    """The bytes of the larger deb."""
    return (nvidia.repo.folder / RUNTIME).read_bytes()


def url_path(nvidia: Nvidia, name: str = RUNTIME) -> str:
    return f"{nvidia.apt_path}/{name}"


def refused(project: Project, code: int) -> str:
    """Sync must fail with ``code``, and every object that came instead is whole; return the error line."""
    before = project.published()
    error = project.fail(code, "sync").error
    assert same_files(before, project.published())
    for path in (project.store / "objects").glob("*/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    return error


def comes(project: Project, nvidia: Nvidia, data: bytes, count: int) -> None:
    """With the fault gone, sync fetches what was missing."""
    nvidia.server.heal()
    assert project.run("sync", "--json").json["fetched_files"] == count
    assert project.object(data).read_bytes() == data


def test_a_cut_transfer_goes_on_where_it_was_cut(locked: Project, nvidia: Nvidia, runtime: bytes) -> None:
    nvidia.server.cut(url_path(nvidia), 200_000, times=1)
    locked.run("sync")
    first, second = nvidia.server.seen(url_path(nvidia))
    assert "range" not in first.headers
    offset = int(second.headers["range"].removeprefix("bytes=").removesuffix("-"))
    assert 100_000 < offset <= 200_000
    assert second.status == 206
    assert locked.object(runtime).read_bytes() == runtime


def test_a_cut_transfer_starts_over_where_the_server_cannot_seek(
    locked: Project, nvidia: Nvidia, runtime: bytes
) -> None:
    nvidia.server.ranges = False
    nvidia.server.cut(url_path(nvidia), 200_000, times=1)
    locked.run("sync")
    assert [one.status for one in nvidia.server.seen(url_path(nvidia))] == [200, 200]
    assert locked.object(runtime).read_bytes() == runtime


def test_a_transfer_that_is_always_cut_is_given_up_and_its_part_used_later(
    locked: Project, nvidia: Nvidia, runtime: bytes
) -> None:
    nvidia.server.cut(url_path(nvidia), 150_000, times=1)
    nvidia.server.cut(url_path(nvidia), 0, after=1)
    assert "the transfer was cut" in refused(locked, 4)
    assert not locked.object(runtime).exists()
    nvidia.server.forget()
    comes(locked, nvidia, runtime, 1)
    assert [one.status for one in nvidia.server.seen(url_path(nvidia))] == [206]


@pytest.mark.parametrize("how", ["from the beginning", "nowhere said", "416", "400", "503"])
def test_a_part_is_of_use_or_dropped_however_the_server_resumes(
    locked: Project, nvidia: Nvidia, runtime: bytes, how: str
) -> None:
    """A cut leaves a part; that the server answers badly to a request for the rest must not be the end of it."""
    nvidia.server.cut(url_path(nvidia), 150_000, times=1)
    nvidia.server.cut(url_path(nvidia), 0, after=1)
    refused(locked, 4)
    assert (locked.store / "parts" / hashlib.sha256(runtime).hexdigest()).stat().st_size > 0
    nvidia.server.heal()
    nvidia.server.fault(url_path(nvidia), BadRange(how))
    assert locked.run("sync", "--json").json["fetched_files"] == 1
    assert locked.object(runtime).read_bytes() == runtime


def test_one_flipped_bit_is_found(locked: Project, nvidia: Nvidia, runtime: bytes) -> None:
    nvidia.server.flip(url_path(nvidia))
    error = refused(locked, 5)
    assert hashlib.sha256(runtime).hexdigest() in error
    assert RUNTIME in error
    assert "at the same size" in error
    comes(locked, nvidia, runtime, 1)


def test_other_bytes_of_the_same_size_are_found(locked: Project, nvidia: Nvidia, runtime: bytes) -> None:
    nvidia.server.same_size(url_path(nvidia))
    assert f"{RUNTIME}: " in refused(locked, 5)
    comes(locked, nvidia, runtime, 1)


@pytest.mark.parametrize("difference", [-1000, 1000], ids=["shorter", "longer"])
def test_a_file_replaced_by_one_of_another_size_is_found(
    locked: Project, nvidia: Nvidia, runtime: bytes, difference: int
) -> None:
    other = runtime[:difference] if difference < 0 else runtime + bytes(difference)
    nvidia.server.replace(url_path(nvidia), other)
    assert f"bytes where {len(runtime)} were promised" in refused(locked, 5)
    comes(locked, nvidia, runtime, 1)


def test_a_stale_part_of_another_file_does_no_harm(locked: Project, nvidia: Nvidia, runtime: bytes) -> None:
    part = locked.store / "parts" / hashlib.sha256(runtime).hexdigest()
    part.write_bytes(b"x" * 1000)
    locked.run("sync")
    assert [one.headers.get("range") for one in nvidia.server.seen(url_path(nvidia))] == ["bytes=1000-", None]
    assert locked.object(runtime).read_bytes() == runtime


def test_one_missing_file_does_not_stop_the_others(locked: Project, nvidia: Nvidia, runtime: bytes) -> None:
    nvidia.server.missing(url_path(nvidia, DEV))
    error = refused(locked, 4)
    assert "HTTP 404" in error
    assert "libcudnn8-dev_8.0.5.39" in error
    assert locked.object(runtime).is_file()
    comes(locked, nvidia, (nvidia.repo.folder / DEV).read_bytes(), 1)


def test_of_many_failures_the_count_and_the_first_are_told(locked: Project, nvidia: Nvidia, runtime: bytes) -> None:
    nvidia.server.missing(f"{nvidia.apt_path}/*.deb")
    assert "2 of 2 files failed; the first: " in refused(locked, 4)
    comes(locked, nvidia, runtime, 2)


def test_a_server_that_is_busy_is_asked_again(locked: Project, nvidia: Nvidia, runtime: bytes) -> None:
    locked.env["CUDEPOT_TRIES"] = "3"
    nvidia.server.unavailable(url_path(nvidia), 2)
    locked.run("sync")
    assert [one.status for one in nvidia.server.seen(url_path(nvidia))] == [503, 503, 200]
    assert locked.object(runtime).is_file()


def test_a_server_that_stays_busy_is_told(locked: Project, nvidia: Nvidia, runtime: bytes) -> None:
    nvidia.server.unavailable(url_path(nvidia), None)
    assert "HTTP 503" in refused(locked, 4)
    assert nvidia.server.count(url_path(nvidia)) == 2
    comes(locked, nvidia, runtime, 1)


def test_a_server_that_is_gone_is_told(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia)
    before = shown.published()
    shown.toml.write_text(shown.toml.read_text().replace(nvidia.url, "http://127.0.0.1:9"))
    assert "http://127.0.0.1:9/" in shown.fail(4, "lock").error
    assert shown.published() == before


def test_a_wheel_index_over_plain_http_is_refused_before_any_connection(shown: Project, nvidia: Nvidia) -> None:
    shown.add_wheels(nvidia)
    before = shown.published()
    shown.toml.write_text(shown.toml.read_text().replace("127.0.0.1", "index.example.com"))
    shown.env |= {"http_proxy": nvidia.url, "no_proxy": ""}
    error = shown.fail(5, "lock").error
    assert "plain http" in error
    assert nvidia.server.requests == []
    assert shown.published() == before


def test_a_damaged_wheel_is_refused(shown: Project, nvidia: Nvidia) -> None:
    shown.add_wheels(nvidia)
    shown.run("lock")
    nvidia.server.flip("/packages/*.whl", at=1000)
    before = shown.published()
    assert "nvidia_cudnn_cu11-8.0.5.39" in shown.fail(5, "sync").error
    assert shown.published() == before
    comes(shown, nvidia, nvidia.built().wheel.read_bytes(), 1)


def test_a_download_that_changed_after_locking_is_refused(shown: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    shown.add_downloads(nvidia)
    shown.run("lock")
    before = shown.published()
    file = nvidia.downloads / "cudnn-11.1-linux-x64-v8.0.5.39.tgz"
    good = file.read_bytes()
    file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert file.name in shown.fail(5, "sync").error
    assert shown.published() == before
    file.write_bytes(good)
    shown.run("sync")
