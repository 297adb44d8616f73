"""The short way of a file into a bucket: one signed PUT over a kept connection, with the sha256 that is known already.

botocore takes longer over a request than a small file takes on the wire, and hashes the body a second time; here it
only signs. Whatever is not a plain yes of the server itself (a proxy, a redirect, a refusal, a connection that breaks)
is left to boto3, so that there is one place that decides what it means (``docs/adr/0011``).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from cudepot.digest import CHUNK, Digest
from cudepot.sites.s3.place import S3Place
from cudepot.transport.http.kept_connections import Place, trusting

CONNECT, READ = 10, 60
"""Seconds to connect, and without an answer: what boto3 is given as well."""
_ANSWER = 1 << 16  # bytes: a yes has next to no body
Sign = Callable[[str, Mapping[str, str], str], Any]
"""Returns botocore's request, signed: a PUT of a URL with these headers and a body of this sha256."""


class DirectPut:
    """Writes objects without boto3.

    Args:
        base: URL that keys are added to.
        sign: signs a request.
        count: told of each request that is sent.
        certificates: file or folder of the authorities that are trusted; empty for those of ``certifi``.
    """

    def __init__(self, base: str, sign: Sign, count: Callable[..., None], certificates: str) -> None:
        self._base, self._sign, self._count = base, sign, count
        self._context = trusting(certificates) if base.startswith("https:") else None
        self._idle: list[HTTPConnection] = []
        self._own = threading.local()
        self.refused = False

    def __del__(self) -> None:
        for line in self._idle:
            line.close()

    def put(self, key: str, headers: Mapping[str, str], digest: Digest, stream: BinaryIO) -> bool:
        """Write an object; return False where boto3 has to do it.

        Args:
            key: its name below the base.
            headers: how it is served.
            digest: of the bytes; the server compares the sha256.
            stream: gives the bytes; its error ends the request before the last of them is sent.
        """
        place = None if self.refused else Place.of(self._base + quote(key, safe="/~"))
        if place is None:
            return False
        request = self._sign(f"{place.origin}{place.target}", headers, digest.sha256)
        self._count(request=request)
        with contextlib.ExitStack() as lines:
            try:
                line = self._line(place)
                lines.callback(line.close)
                pieces = self._pieces(stream, digest.size)
                answer = _answer(line, place.target, dict(request.headers), digest.size, pieces)
            except (HTTPException, OSError):
                return False
            if not answer.will_close:
                lines.pop_all()
                self._idle.append(line)
        if 300 <= answer.status < 500:
            self.refused = True  # other rights, another place: so would be the next
        return answer.status == 200

    def _line(self, place: Place) -> HTTPConnection:
        """Return a kept connection or a new one; that the server has closed a kept one shows when it is used."""
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        if self._context is None:
            line = HTTPConnection(place.host, place.port, timeout=CONNECT)
        else:
            line = HTTPSConnection(place.host, place.port, timeout=CONNECT, context=self._context)
        line.connect()
        line.sock.settimeout(READ)
        return line

    def _pieces(self, stream: BinaryIO, size: int) -> Iterator[memoryview]:
        """Give the body in pieces, each valid until the next; every thread has a buffer of its own for them."""
        buffer: memoryview = self._own.__dict__.setdefault("buffer", memoryview(bytearray(CHUNK)))
        while size:
            count: int = stream.readinto(buffer[: min(size, CHUNK)])  # type: ignore[attr-defined]
            yield buffer[:count]
            size -= count


def _answer(
    line: HTTPConnection, target: str, headers: Mapping[str, str], size: int, pieces: Iterator[memoryview]
) -> HTTPResponse:
    """Send a request and return its answer, read to its end; one that is too long for a yes is cut."""
    line.putrequest("PUT", target, skip_accept_encoding=True)
    for name, value in {**headers, "Content-Length": str(size)}.items():
        line.putheader(name, value)
    line.endheaders()
    for piece in pieces:
        line.send(piece)
    answer = line.getresponse()
    answer.read(_ANSWER)
    answer.will_close |= not answer.isclosed()
    return answer


def direct_put(place: S3Place, session: Any, client: Any, count: Callable[..., None]) -> DirectPut | None:
    """Return the short way into a bucket; None where a proxy stands in it.

    Args:
        place: where it is.
        session: botocore's, which has the credentials and knows which authorities are trusted.
        client: made by it, which knows where the bucket's objects lie.
        count: see :class:`DirectPut`.
    """
    from botocore.utils import get_environ_proxies  # noqa: PLC0415 - loaded with botocore, where there is a bucket

    at = {"Bucket": place.bucket, "Key": f"{place.prefix}x"}
    base = client.generate_presigned_url("put_object", Params=at).partition("?")[0].removesuffix("x")
    if place.proxy or get_environ_proxies(base).get(urlsplit(base).scheme):
        return None
    certificates = place.ca or session.get_config_variable("ca_bundle") or ""
    return DirectPut(base, _signing(session, place.region), count, certificates)


def _signing(session: Any, region: str) -> Sign:
    from botocore.auth import S3SigV4Auth  # noqa: PLC0415 - as above
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415

    credentials = session.get_credentials()

    def sign(url: str, headers: Mapping[str, str], sha256: str) -> Any:
        auth = S3SigV4Auth(credentials.get_frozen_credentials(), "s3", region)
        auth.payload = lambda _: sha256
        request = AWSRequest("PUT", url, headers=dict(headers))
        auth.add_auth(request)
        return request

    return sign
