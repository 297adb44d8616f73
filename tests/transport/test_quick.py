"""The short way takes answers as they are, and never goes past a redirect, a proxy or a login."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from tests.upstream.server import Server

from cudepot.transport.quick import Quick, chunks

DATA = bytes(range(256)) * 4000


@pytest.fixture
def server(tmp_path: Path) -> Server:
    (tmp_path / "file").write_bytes(DATA)
    return Server(tmp_path)


def quick() -> Quick:
    return Quick(requests.Session(), (5.0, 5.0))


def test_files_come_over_one_connection(server: Server) -> None:
    with server:
        one = quick()
        for _ in range(3):
            answer = one.open(f"{server.url}/file", {})
            assert answer is not None
            assert b"".join(chunks(answer, 1 << 16)) == DATA
        pool = one._pool(server.url)
        assert pool is not None
        assert (pool.num_requests, pool.num_connections) == (3, 1)


def test_a_range_is_asked_for(server: Server) -> None:
    with server:
        answer = quick().open(f"{server.url}/file", {"Range": "bytes=1000-"})
        assert answer is not None
        assert answer.status == 206
        assert b"".join(chunks(answer, 1 << 16)) == DATA[1000:]


def test_redirects_and_broken_connections_are_left_to_requests(server: Server) -> None:
    with server:
        server.redirect("/moved", "/file")
        assert quick().open(f"{server.url}/moved", {}) is None
        missing = quick().open(f"{server.url}/nothing", {})
        assert missing is not None
        assert missing.status == 404, "asking again would double the load of a busy server"
        missing.close()
    assert quick().open(f"{server.url}/file", {}) is None, "nobody listens any more"


def test_proxies_and_logins_are_left_to_requests(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert quick().open(f"{server.url}/file", {}) is None
        assert server.requests == []
        monkeypatch.delenv("http_proxy")
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        assert quick().open(f"{server.url}/file", {}) is None
        assert server.requests == []
