"""Going on with a transfer where the server resumes badly: the file comes all the same, and right."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.faults import BAD_RANGES, Answer, BadRange, Fault
from simulator.server import Server

from cudepot.cli.progress import Silent
from cudepot.depot.fetch import Unknown, Wanted, fetch_each, learn_each
from cudepot.digest import Digest, MismatchError, Promise, hexdigest
from cudepot.errors import TransientError
from cudepot.store.local import LocalStore
from cudepot.transport.http.ranges import Served, served
from cudepot.transport.http.source import HttpSource
from cudepot.transport.retrying import Retrying

DATA = os.urandom(300_000)
DIGEST = Digest.of(DATA)
HERE = 100_000  # bytes that came before the transfer was cut


class Counted(Silent):
    """Progress that counts."""

    def __init__(self) -> None:
        self.done = 0

    def advance(self, done: int, files: int = 0) -> None:
        self.done += done


class Edition(Fault):
    """Serves another edition of the file from the second request on."""

    def __init__(self, body: bytes) -> None:
        super().__init__(after=1)
        self.body = body

    def apply(self, answer: Answer) -> None:
        answer.body, answer.etag = self.body, ""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "www").mkdir()
    (tmp_path / "www/file").write_bytes(DATA)
    with Server(tmp_path / "www") as one:
        yield one


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """A store with a part of the file."""
    one = LocalStore(tmp_path / "store", create=True)
    with one.part(DIGEST) as part:
        part.write(DATA[:HERE])
    return one


@pytest.fixture(params=["kept connections", "requests"])
def source(server: Server, request: pytest.FixtureRequest) -> Retrying:
    """A source by each of the two ways: a login in the URL is a matter for requests."""
    url = server.url if request.param == "kept connections" else server.url.replace("//", "//a:b@")
    return Retrying(HttpSource(url, user_agent="test/1"), tries=3, sleep=lambda _: None)


def ranges(server: Server) -> list[str]:
    return [one.headers.get("range", "whole") for one in server.requests]


@pytest.mark.parametrize("how", BAD_RANGES)
def test_a_part_is_completed_however_the_server_resumes(
    server: Server, source: Retrying, store: LocalStore, how: str
) -> None:
    server.fault("/file", BadRange(how))
    counted = Counted()
    assert fetch_each([Wanted(source, "file", DIGEST)], store, counted) == []
    assert store.path(DIGEST).read_bytes() == DATA
    assert ranges(server)[0] == f"bytes={HERE}-"
    if how not in ("from the beginning", "lower", "lower, of unknown length", "only some"):
        assert ranges(server).count("whole") == 1, "asked for whole, once"
    else:
        assert "whole" not in ranges(server), "what was sent is used"
    if how != "other bytes":  # there the bytes of the first answer count as well
        assert counted.done == len(DATA)


@pytest.mark.parametrize("how", BAD_RANGES)
def test_a_transfer_cut_in_mid_stream_goes_on_likewise(server: Server, source: Retrying, how: str) -> None:
    server.fault("/file", BadRange(how))
    server.cut("/file", 150_000, times=1)
    with source.stream("file", 0) as (offset, chunks):
        found = b"".join(chunks)
    assert offset == 0
    assert found == DATA or how == "other bytes"


def test_everything_but_the_end_had_come(server: Server, source: Retrying, store: LocalStore) -> None:
    """A file of which all bytes are there when the connection breaks is not fetched again: 416 says that."""
    server.ranges = True
    with source.stream("file", len(DATA)) as (offset, chunks):
        assert (offset, b"".join(chunks)) == (len(DATA), b"")
    assert ranges(server) == [f"bytes={len(DATA)}-"]


def test_a_file_that_became_shorter_is_fetched_whole_and_told(
    server: Server, source: Retrying, store: LocalStore
) -> None:
    server.replace("/file", DATA[: HERE - 1])
    ((_, error),) = fetch_each([Wanted(source, "file", DIGEST)], store, Counted())
    assert isinstance(error, MismatchError)
    assert error.found == Digest.of(DATA[: HERE - 1])


def test_a_part_of_another_edition_is_dropped(server: Server, source: Retrying, store: LocalStore) -> None:
    """The rest does not fit it; the file is fetched once more as a whole."""
    with store.part(DIGEST) as part:
        part.restart()
        part.write(os.urandom(HERE))
    assert fetch_each([Wanted(source, "file", DIGEST)], store, Counted()) == []
    assert store.path(DIGEST).read_bytes() == DATA
    assert ranges(server) == [f"bytes={HERE}-", "whole"]


def test_a_file_that_changes_while_it_is_resumed_is_fetched_again(
    server: Server, source: Retrying, tmp_path: Path
) -> None:
    """The first answer is of the old edition and cut, the second goes on in the new one, which is the right one."""
    store = LocalStore(tmp_path / "new", create=True)
    (server.root / "file").write_bytes(os.urandom(len(DATA)))
    server.fault("/file", Edition(DATA))
    server.cut("/file", 150_000, times=1)
    assert fetch_each([Wanted(source, "file", DIGEST)], store, Counted()) == []
    assert store.path(DIGEST).read_bytes() == DATA
    assert ranges(server)[-1] == "whole"


def test_so_is_one_that_is_known_by_its_promise(server: Server, source: Retrying, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "new", create=True)
    (server.root / "file").write_bytes(os.urandom(len(DATA)))
    server.fault("/file", Edition(DATA))
    server.cut("/file", 150_000, times=1)
    promise = Promise(hexdigest(DATA, "sha512"), len(DATA))
    assert learn_each([Unknown("u", "file", promise)], {"u": source}, store, Counted()) == []
    assert store.known_as(promise) == DIGEST


def test_what_is_down_is_told_as_such(server: Server, source: Retrying, store: LocalStore) -> None:
    """The part stays for the next run."""
    server.unavailable("/file", None)
    ((_, error),) = fetch_each([Wanted(source, "file", DIGEST)], store, Counted())
    assert isinstance(error, TransientError)
    assert error.status == 503
    with store.part(DIGEST) as part:
        assert part.size == HERE


@pytest.mark.parametrize(
    ("status", "headers", "found"),
    [
        (200, {}, Served(0)),
        (200, {"Content-Range": "bytes 10-19/20"}, Served(0)),
        (206, {"Content-Range": "bytes 10-19/20"}, Served(10, 20, 20)),
        (206, {"Content-Range": "BYTES  10-19/*"}, Served(10, 20)),
        (206, {"Content-Range": "bytes 4-19/20"}, Served(4, 20, 20)),
        (206, {"Content-Range": "bytes 4-9/20"}, None),
        (206, {"Content-Range": "bytes 11-19/20"}, None),
        (206, {"Content-Range": "bytes 10-19/15"}, None),
        (206, {"Content-Range": "bytes 10-19"}, None),
        (206, {"Content-Range": "bytes */20"}, None),
        (206, {"Content-Range": "bytes -10-19/20"}, None),
        (206, {}, None),
        (206, {"Content-Range": "bytes 10-19/20", "Content-Type": "Multipart/ByteRanges; boundary=x"}, None),
        (416, {"Content-Range": "bytes */10"}, Served(10, 10, 10)),
        (416, {"Content-Range": "bytes */9"}, None),
        (416, {}, None),
    ],
)  # fmt: skip
def test_answers_to_a_request_for_the_bytes_from_10_on(
    status: int, headers: dict[str, str], found: Served | None
) -> None:
    assert served(status, headers, 10) == found
