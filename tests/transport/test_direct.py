"""The short way takes answers as they are, and never goes past a redirect, a proxy or a login."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest
from simulator.server import Server

from cudepot.transport.http.connection import Plain
from cudepot.transport.http.kept_connections import Direct
from cudepot.transport.http.requests_session import Session

DATA = bytes(range(256)) * 4000


@pytest.fixture
def server(tmp_path: Path) -> Server:
    (tmp_path / "file").write_bytes(DATA)
    return Server(tmp_path)


def direct() -> Direct:
    return Direct((5.0, 5.0), "", Session({}, (5.0, 5.0), 4).is_plain)


def body(answer: Plain) -> bytes:
    """Return all of an answer and give its connection back."""
    with contextlib.closing(answer):
        return b"".join(answer.pieces())


def test_files_come_over_one_connection(server: Server) -> None:
    with server:
        one = direct()
        lines = set()
        for _ in range(3):
            answer = one.open(f"{server.url}/file", {})
            assert answer is not None
            assert body(answer) == DATA
            lines |= set(one._idle[server.url])
        assert len(lines) == 1


def test_a_range_is_asked_for(server: Server) -> None:
    with server:
        one = direct()
        answer = one.open(f"{server.url}/file", {"Range": "bytes=1000-"})
        assert answer is not None
        assert answer.status == 206
        assert body(answer) == DATA[1000:]


def test_redirects_and_broken_connections_are_left_to_requests(server: Server) -> None:
    with server:
        server.redirect("/moved", "/file")
        one = direct()
        assert one.open(f"{server.url}/moved", {}) is None
        missing = one.open(f"{server.url}/nothing", {})
        assert missing is not None
        assert missing.status == 404, "asking again would double the load of a busy server"
        missing.close()
    assert direct().open(f"{server.url}/file", {}) is None, "nobody listens any more"


def test_proxies_and_logins_are_left_to_requests(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert direct().open(f"{server.url}/file", {}) is None
        assert server.requests == []
        monkeypatch.delenv("http_proxy")
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        assert direct().open(f"{server.url}/file", {}) is None
        assert server.requests == []


def test_a_body_that_ends_early_is_told_and_its_connection_not_kept(server: Server) -> None:
    with server:
        server.cut("/file", 1000)
        one = direct()
        answer = one.open(f"{server.url}/file", {})
        assert answer is not None
        with contextlib.closing(answer), pytest.raises(OSError, match="too early"):
            list(answer.pieces())
        assert one._idle == {server.url: []}


def test_a_kept_connection_that_the_host_closed_is_replaced(server: Server) -> None:
    with server:
        one = direct()
        first = one.open(f"{server.url}/file", {})
        assert first is not None
        assert body(first) == DATA
        for line in one._idle[server.url]:
            line.socket.shutdown(socket.SHUT_RDWR)
        again = one.open(f"{server.url}/file", {})
        assert again is not None
        assert body(again) == DATA
