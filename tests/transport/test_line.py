"""Answers are read to their very end, whatever frames them, and what is no HTTP is told, never taken."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.transport.http import connection
from cudepot.transport.http.connection import BROKEN, PIECE, Line, Plain

OK = b"HTTP/1.1 200 OK\r\n"
SIZED = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nETag: late\r\n\r\n"


EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + SIZED
APACHE = OK + b"Upgrade: h2\r\nConnection: Upgrade\r\nContent-Length: 5\r\n\r\nhello"


@contextlib.contextmanager
def asked(*sent: bytes, ends: bool = False) -> Iterator[tuple[Line, list[Line]]]:
    """Give a line to a host that sends these pieces as soon as it is asked, and where it waits for another request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            peer, _ = listener.accept()
            with peer, contextlib.suppress(OSError):  # who asked may have gone
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer.recv(1 << 16)
                for piece in sent:
                    peer.sendall(piece)
                if not ends:
                    peer.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        idle: list[Line] = []
        line = Line(("127.0.0.1", listener.getsockname()[1]), "host", (5.0, 5.0), None, idle)
        try:
            yield line, idle
        finally:
            line.close()
            thread.join(5)


def whole(answer: Plain) -> bytes:
    with contextlib.closing(answer):
        return b"".join(answer.pieces())


def test_a_head_has_to_come_whole_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", -1.0)
    with asked(OK) as (line, _), pytest.raises(TimeoutError, match="no whole head"):
        line.ask("/", {})


@pytest.mark.parametrize("head", [SIZED, CHUNKED, EARLY, APACHE])
def test_the_end_is_known_and_the_connection_kept(head: bytes) -> None:
    with asked(head) as (line, idle):
        answer = line.ask("/", {})
        assert (answer.status, answer.reason) == (200, "OK")
        assert whole(answer) == b"hello"
        assert not answer.headers.keys() & {"link", "etag"}
        assert idle == [line]


@given(st.lists(st.integers(1, len(CHUNKED) - 1), max_size=6), st.sampled_from([SIZED, CHUNKED]))
def test_it_does_not_matter_where_the_network_cuts(cuts: list[int], data: bytes) -> None:
    places = [0, *sorted(one for one in cuts if one < len(data)), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(places)]
    with asked(*pieces) as (line, idle):
        assert whole(line.ask("/", {})) == b"hello"
        assert idle == [line]


@pytest.mark.parametrize("field", [b"", b"Connection: close\r\nContent-Length: 5\r\n"])
def test_an_answer_that_ends_with_its_connection_is_taken_and_the_connection_not_kept(field: bytes) -> None:
    with asked(OK + field + b"\r\nhel", b"lo", ends=True) as (line, idle):
        assert whole(line.ask("/", {})) == b"hello"
        assert idle == []


def test_nothing_comes_with_304() -> None:
    with asked(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: a\r\netag: b\r\n\r\n") as (line, idle):
        answer = line.ask("/", {})
        assert (answer.status, answer.headers["ETag"], answer.headers.get("Nothing")) == (304, "a", "")
        assert whole(answer) == b""
        assert idle == [line]


@pytest.mark.parametrize("sent", [SIZED[:-1], CHUNKED[:-16]])
def test_a_cut_is_told(sent: bytes) -> None:
    with asked(sent, ends=True) as (line, idle):
        with pytest.raises(ConnectionError):
            whole(line.ask("/", {}))
        assert idle == []


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        OK + b"Content-Length: -5\r\n\r\nhello",
        SIZED + b"more than it promised",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_no_answer(sent: bytes) -> None:
    with asked(sent, ends=True) as (line, _), pytest.raises(BROKEN):
        line.ask("/", {})


@pytest.mark.parametrize("sent", [b"Field: x\r\n" * 20_000, b"Field: " + b"x" * 200_000])
def test_a_head_without_end_is_not_read_to_its_end(sent: bytes) -> None:
    with asked(OK, sent) as (line, _), pytest.raises(ValueError, match="head"):
        line.ask("/", {})


def test_damage_in_the_middle_of_a_body_is_told() -> None:
    with asked(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n", b"nonsense\r\n") as (line, idle):
        with pytest.raises(BROKEN):  # at once, where both pieces come as one
            whole(line.ask("/", {}))
        assert idle == []


def test_fields_behind_a_body_are_not_read_without_end() -> None:
    with asked(CHUNKED.partition(b"ETag")[0], b"Field: " + b"x" * 200_000) as (line, idle):
        with pytest.raises(BROKEN, match="head"):
            whole(line.ask("/", {}))
        assert idle == []


PARTS = [OK, SIZED, CHUNKED, EARLY, b"\r\n", b"\n", b"0", b":", b" ", b"\0", b"\xff"]


@given(st.lists(st.sampled_from(PARTS) | st.binary()))
def test_any_bytes_are_an_answer_or_a_fault(sent: list[bytes]) -> None:
    with asked(b"".join(sent), ends=True) as (line, _):
        try:
            answer = line.ask("/", {})
        except BROKEN:
            return
        with contextlib.suppress(OSError):
            whole(answer)


def test_an_answer_nobody_asked_for_is_not_given_to_the_next_request() -> None:
    with asked(SIZED + SIZED) as (line, idle):
        assert whole(line.ask("/", {})) == b"hello"
        assert idle == []


def test_what_comes_behind_a_body_is_left_alone_and_its_connection_not_kept() -> None:
    body = bytes(4 * PIECE)
    with asked(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body + b"more than it promised") as (line, idle):
        assert whole(line.ask("/", {})) == body
        assert idle == []


@pytest.mark.parametrize(("target", "field"), [("/a b", "x"), ("/a\r\nHost: b", "x"), ("/", "x\r\nHost: b")])
def test_nothing_is_smuggled_into_a_request(target: str, field: str) -> None:
    with asked(SIZED) as (line, _):
        with pytest.raises(ValueError, match="cannot be requested"):
            line.ask(target, {"If-None-Match": field})
        line.ask("/", {})
