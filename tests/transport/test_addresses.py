"""Hosts are looked up once, however many threads connect at a time."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cudepot.transport.http.addresses import Addresses


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    ask = socket.getaddrinfo

    def counted(*args: Any, **named: Any) -> Any:
        found.append(args)
        return ask(*args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", counted)
    return found


def test_many_connections_cost_one_question(looked_up: list[Any]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        port, every, start = server.getsockname()[1], Addresses(), threading.Barrier(8)

        def connect(_: int) -> socket.socket:
            start.wait()
            return every.connect(("localhost", port), 5.0)

        with ThreadPoolExecutor(8) as pool:
            lines = list(pool.map(connect, range(8)))
        assert {line.getpeername()[1] for line in lines} == {port}
        assert len(looked_up) == 1
        for line in lines:
            line.close()


def test_where_nobody_answers_the_next_one_asks_again(looked_up: list[Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    every = Addresses()
    for _ in range(2):
        with pytest.raises(OSError, match="refused"):
            every.connect(("localhost", port), 5.0)
    assert len(looked_up) == 2
