"""Redirects, logins, proxies and hosts that fall silent: what holds whichever way a request takes."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.server import Server

from cudepot.errors import TransientError, UpstreamError
from cudepot.transport.http import source as http
from cudepot.transport.http.redirects import redirected
from cudepot.transport.http.source import HttpSource


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without proxies and logins, whoever runs the tests."""
    for name in [one for one in os.environ if one.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    (tmp_path / "www").mkdir()
    (tmp_path / "www/file").write_bytes(b"hello")
    with Server(tmp_path / "www") as one, Server(tmp_path / "www") as other:
        yield one, other


@contextlib.contextmanager
def host(*sent: bytes) -> Iterator[str]:
    """Give the URL of a host that answers so, once to each connection, and then says nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer(peer: socket.socket) -> None:
            with peer, contextlib.suppress(OSError):
                peer.recv(1 << 16)
                for piece in sent:
                    peer.sendall(piece)
                peer.recv(1)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=answer, args=listener.accept()[:1], daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def read(url: str, path: str = "file") -> bytes:
    page = HttpSource(url, user_agent="test/1").read(path, limit=99)
    assert page is not None
    return page.body


def test_redirects_are_followed_and_their_bodies_not_read(servers: tuple[Server, Server]) -> None:
    one, other = servers
    one.redirect("/moved", f"{other.url}/on")
    other.redirect("/on", "file")
    page = HttpSource(one.url, user_agent="test/1").read("moved", limit=99)
    assert page is not None
    assert (page.url, page.body) == (f"{other.url}/file", b"hello")
    location = f"HTTP/1.1 302 Found\r\nLocation: {other.url}/file\r\n\r\n".encode()
    with host(location, b"x" * 9_000_000) as endless:
        assert read(endless) == b"hello"
    one.redirect("/round", "/round")
    with pytest.raises(UpstreamError, match="more than 8 redirects"):
        read(one.url, "round")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[::1/x", "//[x/", "gopher://x/"])
def test_redirects_to_anything_else_are_refused(servers: tuple[Server, Server], target: str) -> None:
    servers[0].redirect("/moved", target)
    with pytest.raises(UpstreamError, match="redirected to"):
        read(servers[0].url, "moved")


@pytest.mark.parametrize("at", ["https://a/x", "HTTPS://a/x"])
def test_https_is_never_left(at: str) -> None:
    assert redirected(at, at, 302, "//b/y") in ("https://b/y", "HTTPS://b/y")
    assert redirected(at, at, 200, "http://b/y") == "", "no redirect"
    with pytest.raises(UpstreamError, match="from https to plain http"):
        redirected(at, at, 307, "http://b/y")
    with pytest.raises(UpstreamError, match="from https to plain http"):
        HttpSource(at, user_agent="test/1").url("http://b/y")


def test_a_login_goes_to_its_own_host_only(servers: tuple[Server, Server], tmp_path: Path) -> None:
    one, other = servers
    one.redirect("/moved", f"{other.url.replace('127.0.0.1', 'localhost')}/file")
    assert read(one.url.replace("//", "//me:secret@"), "moved") == b"hello"
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    assert read(one.url, "moved") == b"hello"
    assert [seen.headers.get("authorization") for seen in one.requests] == ["Basic bWU6c2VjcmV0"] * 2
    assert ["authorization" in seen.headers for seen in other.requests] == [False, False]


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_proxies_are_those_of_the_environment(
    servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    one, proxy = servers
    monkeypatch.setenv(name, proxy.url)
    assert read("http://upstream.invalid") == b"hello"
    assert proxy.count() == 1
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    assert read(one.url) == b"hello"
    assert (one.count(), proxy.count()) == (1, 1)


def test_what_is_said_of_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    with pytest.raises(TransientError) as caught:
        read("http://upstream.invalid")
    assert "secret" not in str(caught.value)
    assert "the proxy" in caught.value.hint


@pytest.mark.parametrize("sent", [(), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",)])
def test_a_host_that_falls_silent_is_waited_for_only_so_long(
    monkeypatch: pytest.MonkeyPatch, sent: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", (5.0, 0.3))
    with host(*sent) as url, pytest.raises(TransientError, match="timed out"):
        read(url)


def test_what_is_labelled_as_an_encoding_comes_as_it_was_sent(servers: tuple[Server, Server]) -> None:
    with host(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello") as url:
        assert read(url) == b"hello"
        assert read(url.replace("//", "//me:secret@")) == b"hello"
