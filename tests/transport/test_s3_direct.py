"""The short way of files into a bucket: taken where it can be, and boto3 takes over from whatever goes wrong on it."""

from __future__ import annotations

import io
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from simulator.s3 import S3Server
from tests.sites import S3_KINDS, Place, place_of
from tests.transport.test_sites import PACKAGE, ROOT, extra, tree

from cudepot.digest import Digest, VerifyingReader
from cudepot.errors import TrustError
from cudepot.ports import FileTraits, Rank
from cudepot.sites.s3.place import S3Place
from cudepot.transport.s3 import send as s3_send
from cudepot.transport.s3.bucket import Bucket

TRAITS = FileTraits(Rank.PACKAGE, "application/x-test", "public, max-age=60")


class Server(ThreadingHTTPServer):
    """Takes what is put and notes it; ``answers`` are given to the first requests, then 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int] = []
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.lines: set[object] = set()

    def bucket(self, **more: object) -> Bucket:
        return Bucket(S3Place("b", "p/", f"http://127.0.0.1:{self.server_port}", path_style=True, **more), "tests")  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_PUT(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.server.answers.pop(0) if self.server.answers else 200
        body = self.rfile.read(int(headers["content-length"]))
        self.server.seen.append((self.path, headers, body))
        self.server.lines.add(self.client_address)
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("ETag", '"tag"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Server() as one:
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        yield one
        one.shutdown()
        thread.join()


def put(bucket: Bucket, body: bytes, key: str = "a+b/x~1.deb") -> bool:
    digest = Digest.of(body)
    return bucket.put_direct(key, cast(BinaryIO, VerifyingReader(io.BytesIO(body), digest, "x")), TRAITS, digest)


@pytest.fixture(params=S3_KINDS)
def place(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    s3_server: Callable[[str], S3Server],
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    return place_of(request.param, tmp_path, s3_server, monkeypatch)


@pytest.mark.parametrize("size", [0, 1, 300_000, s3_send.PART + 1])
def test_files_go_the_short_way_to_every_server(place: Place, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    boto: list[str] = []
    original = Bucket.put

    def noted(bucket: Bucket, key: str, *rest: object, **more: object) -> str:
        boto.append(key)
        return original(bucket, key, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Bucket, "put", noted)
    data = bytes(size)
    odd = "apt/one/a+b~1%2b é.deb"
    made = tree(place, {PACKAGE: data, odd: b"odd", ROOT: b"root"})
    site = place.s3()
    site.write(1, made, extra(1))
    site.switch(1)
    assert (place.get(PACKAGE), place.get(odd), place.get(ROOT)) == (data, b"odd", b"root")
    assert not {PACKAGE, odd, ROOT} & set(boto)


def test_a_request_says_what_boto3_would_say_and_lines_are_kept(server: Server) -> None:
    bucket = server.bucket()
    for body in (b"one", b"", b"three"):
        assert put(bucket, body)
        bucket.put("long way", body, TRAITS, Digest.of(body).sha256)
    assert len(server.lines) == 2, "one of ours and one of boto3's"
    short, long = server.seen[0], server.seen[1]
    assert short[0] == "/b/p/a%2Bb/x~1.deb"
    same = (
        "content-type",
        "cache-control",
        "x-amz-meta-sha256",
        "x-amz-checksum-sha256",
        "x-amz-content-sha256",
        "host",
    )
    assert [short[1][name] for name in same] == [long[1][name] for name in same]
    assert "expect" not in short[1]


def test_names_are_sent_as_they_are_spelled(server: Server) -> None:
    bucket = server.bucket()
    for key in ("a/./b.deb", "a//b.deb", "a/", "a/%2b%C3.deb"):
        assert put(bucket, b"one", key)
    assert [path for path, _, _ in server.seen] == [
        f"/b/p/{one}" for one in ("a/./b.deb", "a//b.deb", "a/", "a/%252b%25C3.deb")
    ]


@pytest.mark.parametrize("answer", [0, 503])
def test_what_may_pass_is_boto3_s_for_one_file(server: Server, answer: int) -> None:
    bucket = server.bucket()
    server.answers = [answer]
    assert not put(bucket, b"one")
    assert put(bucket, b"two")


@pytest.mark.parametrize("answer", [301, 307, 400, 403])
def test_who_is_refused_once_asks_no_more(server: Server, answer: int) -> None:
    bucket = server.bucket()
    server.answers = [answer]
    assert [put(bucket, b"one"), put(bucket, b"two")] == [False, False]
    assert len(server.seen) == 1


@pytest.mark.parametrize("answers", [[0], [403]])
def test_the_file_arrives_whatever_the_short_way_meets(
    tmp_path: Path, s3_server: Callable[[str], S3Server], monkeypatch: pytest.MonkeyPatch, server: Server,
    answers: list[int],
) -> None:  # fmt: skip
    place = place_of("moto", tmp_path, s3_server, monkeypatch)
    bad = server.bucket()
    server.answers = answers * 100
    monkeypatch.setattr(Bucket, "_direct", bad._direct)
    data = bytes(s3_send.PART + 7)
    site = place.s3()
    site.write(1, tree(place, {PACKAGE: data, "apt/one/b.deb": b"b", ROOT: b"root"}), extra(1))
    site.switch(1)
    assert (place.get(PACKAGE), place.get("apt/one/b.deb"), place.get(ROOT)) == (data, b"b", b"root")
    assert server.seen


def test_a_damaged_file_is_never_sent_to_its_end(server: Server) -> None:
    bucket, digest = server.bucket(), Digest.of(b"x" * 600_000)
    damaged = VerifyingReader(io.BytesIO(b"x" * 599_999 + b"y"), digest, "object")
    with pytest.raises(TrustError):
        bucket.put_direct("x.deb", cast(BinaryIO, damaged), TRAITS, digest)
    assert put(bucket, b"the next one")
    assert all(len(body) < digest.size for _, _, body in server.seen)


def test_a_proxy_is_left_to_boto3(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not put(server.bucket(proxy="http://127.0.0.1:9"), b"one")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert not put(server.bucket(), b"one")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert put(server.bucket(), b"one")


def test_only_the_authority_that_is_named_is_trusted(server: Server, tmp_path: Path) -> None:
    key, cert = tmp_path / "key", tmp_path / "cert"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2"]
    subprocess.run(
        [*command, "-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    where = f"https://127.0.0.1:{server.server_port}"
    assert not put(Bucket(S3Place("b", "p/", where, path_style=True), "tests"), b"one")
    assert server.seen == []
    assert put(Bucket(S3Place("b", "p/", where, path_style=True, ca=str(cert)), "tests"), b"one")
