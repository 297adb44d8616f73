"""Bytes per second over all threads together, and requests at a time: what a shared line and a small server need."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from simulator.nvidia import Nvidia
from simulator.project import Project

from cudepot.catalog.config.fetch import parse_rate
from cudepot.cli.progress import Silent
from cudepot.depot.fetch import Wanted, fetch_each
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.store.local import LocalStore
from cudepot.transport.http.source import HttpSource
from cudepot.transport.limits import Limits, Slots, Throttle, TooSlowError, limits_of, steady

BODY = bytes(range(256)) * 400


class Clock:
    """Seconds that pass when somebody sleeps, and not otherwise."""

    def __init__(self) -> None:
        self.now, self._lock = 0.0, threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now = max(self.now, self.now + seconds)


def test_what_brings_next_to_nothing_is_given_up_and_who_reads_slowly_is_not() -> None:
    clock = Clock()

    def dripping(seconds: float, size: int) -> Iterator[bytes]:
        for _ in range(300):
            clock.sleep(seconds)
            yield b"x" * size

    assert sum(map(len, steady(dripping(1.0, 100), clock=clock))) == 30_000
    with pytest.raises(TooSlowError, match="60 bytes in 60 seconds"):
        list(steady(dripping(1.0, 1), clock=clock))
    for _ in steady(iter([b"x"] * 10), clock=clock):
        clock.sleep(100.0)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10M", 10_000_000),
        ("500k", 500_000),
        ("500K", 500_000),
        ("1.5 MB/s", 1_500_000),
        ("2GB", 2 * 10**9),
        ("4000", 4000),
    ],
)
def test_rates_are_bytes_per_second_in_decimal_units(text: str, rate: int) -> None:
    assert parse_rate(text, "x") == rate


@pytest.mark.parametrize("text", ["", "fast", "10 Mbit", "0", "999", "-1M", "1M/min"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected bytes per second") as caught:
        parse_rate(text, "fetch.limit-rate")
    assert "12.5M" in caught.value.hint


def test_the_line_is_shared_and_a_pause_is_not_made_up_for() -> None:
    clock = Clock()
    throttle = Throttle(1000, clock=clock, sleep=clock.sleep)
    for _ in range(10):
        throttle.take(500)
    assert clock.now == pytest.approx(5.0)
    clock.now += 60
    throttle.take(1000)
    assert clock.now == pytest.approx(66.0)


def test_a_low_rate_has_few_connections() -> None:
    def most(limits: Limits) -> int:
        return limits._slots[0]._free._value if limits._slots and limits._slots[0]._free else 0

    assert [most(limits_of(*one)) for one in ((0, 0), (150_000, 0), (1_000_000, 0), (1_000_000, 4), (0, 7))] == [
        0, 1, 10, 4, 7,
    ]  # fmt: skip


def test_a_thread_that_holds_a_slot_is_let_through_again() -> None:
    limits = Limits(slots=[Slots(1)]).of(1)
    with limits.request(), limits.request():
        pass


class Server:
    """Serves one body under every name, and knows how many requests there were at a time."""

    def __init__(self) -> None:
        self.meet: Callable[[], object] = lambda: None
        self.most, self._now, self._lock = 0, 0, threading.Lock()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with server._lock:
                    server._now += 1
                    server.most = max(server.most, server._now)
                server.meet()
                with server._lock:
                    server._now -= 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(BODY)))
                self.end_headers()
                self.wfile.write(BODY)

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/"


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    thread = threading.Thread(target=found.http.serve_forever, daemon=True)
    thread.start()
    yield found
    found.http.shutdown()
    found.http.server_close()
    thread.join()


def fetch(server: Server, folder: Path, limits: Limits, count: int) -> int:
    """Read the body so many times, several at once; return how many reads failed."""
    source = HttpSource(server.url, user_agent="x", plain=True, limits=limits)
    failed: list[BaseException] = []

    def read(number: int) -> None:
        try:
            assert source.read(f"file{number}", limit=len(BODY)) is not None
        except BaseException as error:  # noqa: BLE001 - counted
            failed.append(error)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert folder.is_dir()
    return len(failed)


def test_the_rate_holds_for_all_connections_together(server: Server, tmp_path: Path) -> None:
    clock = Clock()
    limits = Limits(Throttle(len(BODY), clock=clock, sleep=clock.sleep))
    assert fetch(server, tmp_path, limits, 8) == 0
    assert clock.now >= 8 * 0.99  # each body is a second's worth


def test_an_upstream_gets_no_more_requests_at_a_time_than_it_takes(server: Server, tmp_path: Path) -> None:
    together = threading.Barrier(3)
    server.meet = lambda: together.wait(60)  # answers only where three ask at a time
    assert fetch(server, tmp_path, limits_of(0, 0), 6) == 0
    server.most, server.meet = 0, lambda: threading.Event().wait(0.01)
    assert fetch(server, tmp_path, limits_of(0, 8).of(2), 12) == 0
    assert server.most <= 2
    server.most = 0
    assert fetch(server, tmp_path, limits_of(0, 1).of(2), 6) == 0
    assert server.most == 1


def test_objects_come_with_one_connection_as_well(server: Server, tmp_path: Path) -> None:
    store = LocalStore(tmp_path, create=True)
    source = HttpSource(server.url, user_agent="x", plain=True, limits=limits_of(0, 1))
    assert fetch_each([Wanted(source, "a", Digest.of(BODY))], store, Silent()) == []
    assert store.read(Digest.of(BODY)) == BODY


def test_limits_are_read_and_change_nothing_that_is_locked(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    project.run("lock")
    plain = project.toml.read_text()
    limited = plain.replace("[[upstream]]", "[[upstream]]\nconnections = 1", 1)
    project.toml.write_text(limited + '\n[fetch]\nlimit-rate = "50M"\nconnections = 2\n')
    assert project.run("sync", "--limit-rate", "80M").rc == 0
    assert "artifacts" in project.run("lock", "--check").out
    for wrong, error in (
        ('limit-rate = "fast"', "expected bytes per second"),
        ("connections = 0", "expected an integer from 1 to 40 in 'fetch.connections'"),
        ("connection = 1", "unknown key 'fetch.connection'"),
    ):
        project.toml.write_text(f"{plain}\n[fetch]\n{wrong}\n")
        assert error in project.fail(3, "sync").error
    project.toml.write_text(plain)
    assert "'fast' is no rate such as 10M or 500k" in project.fail(2, "sync", "--limit-rate", "fast").err
