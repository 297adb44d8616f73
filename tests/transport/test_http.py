"""HttpSource and Retrying against a real server that misbehaves; TLS with a certificate made on the spot."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from simulator.faults import Answer, Fault
from simulator.server import Server

from cudepot.errors import MissingError, SlowError, TransientError, UpstreamError
from cudepot.ports import Validators
from cudepot.transport import limits
from cudepot.transport.http.source import HttpSource
from cudepot.transport.retrying import MAX_WAIT, Retrying

DATA = os.urandom(300_000)


class _Header(Fault):
    """Sets one header, and perhaps the status; the body stays."""

    def __init__(self, name: str, text: str, *, status: int = 200) -> None:
        super().__init__()
        self.name, self.text, self.status = name, text, status

    def apply(self, answer: Answer) -> None:
        answer.status = self.status
        answer.headers[self.name] = self.text


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with one large file, one small one and one whose name has to be quoted; all changed long ago."""
    for name, data in {"large": DATA, "small": b"small\n", "a+b c%~.deb": b"quoted"}.items():
        (tmp_path / name).write_bytes(data)
        os.utime(tmp_path / name, (1_600_000_000,) * 2)
    with Server(tmp_path) as one:
        yield one


@pytest.fixture
def source(server: Server) -> HttpSource:
    return HttpSource(server.url, user_agent="test/1")


def retrying(source: HttpSource, waits: list[float] | None = None, tries: int = 3) -> Retrying:
    """Return a source that tries again and notes how long it would wait."""
    return Retrying(source, tries=tries, sleep=(waits if waits is not None else []).append)


def fetch(source: HttpSource | Retrying, path: str = "large", offset: int = 0) -> tuple[int, bytes]:
    with source.stream(path, offset) as (served, chunks):
        return served, b"".join(chunks)


def test_a_document_is_read_whole(source: HttpSource, server: Server) -> None:
    page = source.read("small", limit=6)
    assert page is not None
    assert (page.body, page.url) == (b"small\n", f"{server.url}/small")
    sent = server.requests[0].headers
    assert (sent["user-agent"], sent["accept-encoding"]) == ("test/1", "identity")


def test_a_large_document_goes_into_a_file(source: HttpSource, server: Server, tmp_path: Path) -> None:
    server.cut("/large", 1000, times=1)
    with (tmp_path / "spool").open("w+b") as spool:
        page = retrying(source).read("large", limit=len(DATA), into=spool)
        assert page is not None
        assert (page.body, page.validators) == (b"", Validators(*_validators_of(server)))
        spool.seek(0)
        assert spool.read() == DATA, "what came before the cut is gone"
        assert source.read("large", limit=len(DATA), known=page.validators, into=spool) is None
        with pytest.raises(UpstreamError, match="more than 99 bytes"):
            source.read("large", limit=99, into=spool)


def _validators_of(server: Server) -> tuple[str, str]:
    answer = server.answer("/large", {})
    return answer.etag, formatdate(answer.modified, usegmt=True)


def test_names_are_quoted(source: HttpSource) -> None:
    page = source.read("a+b c%~.deb", limit=99)
    assert page is not None
    assert page.body == b"quoted"
    assert source.url("a+b") == source.base + "a%2Bb", "some hosts take a plain + for a blank"


def test_longer_than_allowed_is_refused(source: HttpSource, server: Server) -> None:
    with pytest.raises(UpstreamError, match="more than 5 bytes"):
        source.read("small", limit=5)
    server.endless("/small")
    with pytest.raises(UpstreamError, match="more than 100000 bytes"):
        source.read("small", limit=100_000)


def test_nothing_new_is_told_by_strong_validators(source: HttpSource, server: Server) -> None:
    page = source.read("small", limit=99)
    assert page is not None
    assert page.validators is not None
    assert source.read("small", limit=99, known=page.validators) is None
    assert [one.status for one in server.requests] == [200, 304]
    (server.root / "small").write_bytes(b"other\n")
    again = source.read("small", limit=99, known=page.validators)
    assert again is not None
    assert again.body == b"other\n"


def test_a_file_changed_a_moment_ago_has_no_strong_validators(source: HttpSource, server: Server) -> None:
    server.young = 0
    os.utime(server.root / "small")
    page = source.read("small", limit=99)
    assert page is not None
    assert page.validators is None


def test_a_weak_tag_alone_proves_nothing(source: HttpSource, server: Server) -> None:
    server.validators = False
    for tag, expected in (('W/"x"', None), ('"x"', Validators(etag='"x"'))):
        server.fault("/small", _Header("ETag", tag))
        page = source.read("small", limit=99)
        assert page is not None
        assert page.validators == expected
        server.heal()


def test_a_size_is_asked_by_head(source: HttpSource, server: Server) -> None:
    assert source.size("large") == len(DATA)
    assert [one.method for one in server.requests] == ["HEAD"]
    with pytest.raises(MissingError):
        source.size("absent")


def test_a_stream_begins_where_it_is_asked_to(source: HttpSource, server: Server) -> None:
    assert fetch(source, offset=1000) == (1000, DATA[1000:])
    assert server.requests[0].headers["range"] == "bytes=1000-"
    server.ranges = False
    assert fetch(source, offset=1000) == (0, DATA)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, MissingError), (410, MissingError), (403, MissingError), (401, UpstreamError), (400, UpstreamError),
     (429, TransientError), (500, TransientError), (503, TransientError)],
)  # fmt: skip
def test_statuses(source: HttpSource, server: Server, status: int, kind: type[UpstreamError]) -> None:
    server.fault("/small", _Header("X", "y", status=status))
    with pytest.raises(UpstreamError, match=f"{server.url}/small: HTTP {status}") as caught:
        source.read("small", limit=99)
    assert type(caught.value) is kind
    assert caught.value.hint


@pytest.mark.parametrize("long", [False, True], ids=["plain", "requests"])
def test_bytes_that_come_too_slowly_are_no_progress(
    server: Server, monkeypatch: pytest.MonkeyPatch, long: bool
) -> None:
    monkeypatch.setattr(limits, "PATIENCE", 0.0)
    monkeypatch.setattr(limits, "LEAST", 1e15)
    if long:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(HttpSource, "_answered", _the_long_way)
    with pytest.raises(SlowError, match="too slow"):
        fetch(retrying(HttpSource(server.url, user_agent="test/1"), tries=3))
    assert server.count("*large") == 3


def _the_long_way(source: HttpSource, url: str, headers: dict[str, str], passed: int) -> Iterator[object]:
    with source._asked("GET", url, headers, passed) as asked:
        yield asked


def test_a_cut_is_transient_and_what_came_before_is_given(source: HttpSource, server: Server) -> None:
    server.cut("/large", 200_000)
    got = bytearray()

    def take() -> None:
        with source.stream("large", 0) as (_, chunks):
            for chunk in chunks:
                got.extend(chunk)

    with pytest.raises(TransientError, match="the transfer was cut"):
        take()
    assert 100_000 < len(got) <= 200_000
    assert DATA.startswith(bytes(got))


def test_retrying_goes_on_in_mid_stream(source: HttpSource, server: Server) -> None:
    server.cut("/large", 100_000, times=2)  # what came before a cut is not asked for again
    waits: list[float] = []
    assert fetch(retrying(source, waits, tries=2)) == (0, DATA)
    assert [one.status for one in server.requests] == [200, 206, 206]
    assert len(waits) == 2, "progress begins the count anew"


def test_retrying_skips_what_it_has_where_the_server_cannot_seek(source: HttpSource, server: Server) -> None:
    server.ranges = False
    server.cut("/large", 150_000, times=1)
    assert fetch(retrying(source)) == (0, DATA)
    assert fetch(retrying(source), offset=99_999) == (0, DATA), "who had a part takes the whole"


def test_retrying_gives_up_without_progress(source: HttpSource, server: Server) -> None:
    server.cut("/large", 0)
    waits: list[float] = []
    with pytest.raises(TransientError):
        fetch(retrying(source, waits, tries=4))
    assert server.count("/large") == 4
    assert len(waits) == 3
    assert waits[0] < waits[1] < waits[2]


def test_retrying_waits_as_long_as_it_is_asked_to(source: HttpSource, server: Server) -> None:
    for asked, expected in (("7", 7.0), ("100000", MAX_WAIT)):
        server.unavailable("/small", 1, retry_after=asked)
        waits: list[float] = []
        assert retrying(source, waits).read("small", limit=99) is not None
        assert waits == [expected]
    for nonsense in ("²", "-1", "soon"):
        server.unavailable("/small", 1, retry_after=nonsense)
        waits = []
        assert retrying(source, waits).size("small") == 6
        assert len(waits) == 1
        assert waits[0] < 1


def test_retrying_does_not_repeat_what_is_final(source: HttpSource, server: Server) -> None:
    with pytest.raises(MissingError):
        retrying(source).read("absent", limit=99)
    assert server.count() == 1


class _Plain(BaseHTTPRequestHandler):
    """Sends everybody to where ``target`` says, or answers."""

    target = ""

    def do_GET(self) -> None:
        self.send_response(302 if self.path == "/away" else 200)
        if self.path == "/away":
            self.send_header("Location", self.target)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, type[_Plain]]]:
    """A server that speaks https with a certificate only this test trusts."""
    pem, handler = tmp_path / "tls.pem", type("Handler", (_Plain,), {})
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", pem, "-out", tmp_path / "cert.pem",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", pem)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "cert.pem"))
        yield f"https://localhost:{http.server_address[1]}", handler
        http.shutdown()
        thread.join()


def test_https_does_not_step_down(tls: tuple[str, type[_Plain]], server: Server) -> None:
    url, handler = tls
    source = HttpSource(url, user_agent="test/1")
    page = source.read("here", limit=9)
    assert page is not None
    assert page.body == b"ok"
    with pytest.raises(UpstreamError, match="points from https to plain http"):
        source.read(f"{server.url}/small", limit=99)
    assert server.count() == 0
    handler.target = f"{server.url}/small"
    with pytest.raises(UpstreamError, match="redirected from https to plain http"):
        source.read("away", limit=99)
    server.redirect("/back", f"{url}/here")
    handler.target = f"{server.url}/back"
    with pytest.raises(UpstreamError, match="redirected from https to plain http"):
        source.read("away", limit=99)
    handler.target = f"{url}/here"
    assert source.read("away", limit=99) is not None


def test_an_unknown_certificate_is_refused(tls: tuple[str, type[_Plain]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(UpstreamError, match=r"(?i)certificate"):
        HttpSource(tls[0], user_agent="test/1").read("here", limit=9)


def test_authorities_may_lie_in_a_folder(
    tls: tuple[str, type[_Plain]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    (tmp_path / "authorities").mkdir()
    (tmp_path / "authorities/one.pem").write_bytes((tmp_path / "cert.pem").read_bytes())
    subprocess.run(["openssl", "rehash", tmp_path / "authorities"], check=True)
    for place in ("authorities", "cert.pem"):
        source = HttpSource(tls[0], user_agent="test/1", certificates=str(tmp_path / place))
        assert source.read("here", limit=9) is not None


def test_past_caches_means_without_conditions_and_over_the_same_connections(source: HttpSource, server: Server) -> None:
    first = source.read("small", limit=100)
    assert first is not None
    server.forget()
    fresh = Retrying(source).fresh()
    page = fresh.read("small", limit=100, known=Validators("*", ""))
    assert page is not None
    assert page.body == first.body
    headers = server.seen()[0].headers
    assert (headers["cache-control"], headers["pragma"]) == ("no-cache", "no-cache")
    assert "if-none-match" not in headers
    source.read("small", limit=100)
    assert "cache-control" not in server.seen()[1].headers


def test_size_and_date_are_asked_without_the_body(source: HttpSource, server: Server) -> None:
    about = Retrying(source).about("large")
    assert about.size == (server.root / "large").stat().st_size
    assert [one.method for one in server.seen()] == ["HEAD"]
    server.validators = False
    assert source.about("large").modified == ""
    server.missing("/large")
    with pytest.raises(MissingError):
        source.about("large")


def test_a_piece_of_a_file_is_read_alone(source: HttpSource, server: Server) -> None:
    assert source.piece("large", 1000, 50) == DATA[1000:1050]
    assert source.piece("large", len(DATA) - 10, 10) == DATA[-10:]
    assert retrying(source).piece("large", 0, 1) == DATA[:1]
    assert {one.headers["range"] for one in server.requests} == {"bytes=1000-1049", "bytes=299990-299999", "bytes=0-0"}


def test_there_is_no_piece_behind_the_end(source: HttpSource) -> None:
    assert source.piece("large", len(DATA) - 10, 11) is None
    assert source.piece("large", len(DATA), 1) is None


def test_a_server_that_sends_all_is_not_read(source: HttpSource, server: Server) -> None:
    server.ranges = False
    assert source.piece("large", 1000, 50) is None
    server.ranges = True
    server.fault("/large", _Header("Content-Range", "bytes 0-49/300000", status=206))
    assert source.piece("large", 1000, 50) is None, "not what was asked for"


def test_a_piece_that_is_refused_is_none_and_one_that_may_come_is_asked_for_again(
    source: HttpSource, server: Server
) -> None:
    server.missing("/large", times=1)
    assert source.piece("large", 0, 5) is None
    server.unavailable("/large", times=2)
    assert retrying(source).piece("large", 0, 5) == DATA[:5]
    server.cut("/large", 3)
    with pytest.raises(TransientError):
        retrying(source).piece("large", 0, 5)
