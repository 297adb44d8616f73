"""The short way of a file into a bucket: one PUT over a kept connection, signed with the sha256 that is known already.

botocore takes longer over a request than a small file takes on the wire, and hashes the body a second time; here it
only signs. Whatever is not a plain yes of the server itself (a proxy, a redirect, a refusal, a connection that breaks)
is left to boto3, so that there is one place that decides what it means. It pays for the row "publish to S3 (radosgw)"
of ``scripts/bench site``, which takes 1.4 times as long without it (``docs/adr/0041``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import quote, urlsplit

from urllib3 import Timeout
from urllib3.connectionpool import connection_from_url
from urllib3.exceptions import HTTPError

from cudepot.digest import CHUNK, Digest
from cudepot.transport.http.kept_connections import trusting
from cudepot.transport.limits import UNLIMITED, Throttle

if TYPE_CHECKING:
    from cudepot.transport.s3.where import Where

CONNECT, READ = 10, 60
"""Seconds to connect, and without an answer: what boto3 is given as well."""
Sign = Callable[[str, Mapping[str, str], str], Any]
"""Returns botocore's request, signed: a PUT of a URL with these headers and a body of this sha256."""


class DirectPut:
    """Writes objects without boto3.

    Args:
        base: URL that keys are added to.
        sign: signs a request.
        count: told of each request that is sent.
        certificates: file or folder of the authorities that are trusted; empty for those of ``certifi``.
        workers: how many requests there are at a time.
        throttle: paces the bytes.
    """

    def __init__(
        self,
        base: str,
        sign: Sign,
        count: Callable[..., None],
        certificates: str,
        workers: int,
        throttle: Throttle = UNLIMITED.throttle,
    ) -> None:
        self._throttle = throttle
        trusted = {"ssl_context": trusting(certificates)} if base.startswith("https:") else {}
        self._pool = connection_from_url(base, maxsize=workers, timeout=Timeout(connect=CONNECT, read=READ), **trusted)
        self._base, self._path, self._sign, self._count = base, urlsplit(base).path, sign, count
        self._own = threading.local()
        self.refused = False

    def put(self, key: str, headers: Mapping[str, str], digest: Digest, stream: BinaryIO) -> bool:
        """Write an object; return False where boto3 has to do it.

        Args:
            key: its name below the base.
            headers: how it is served.
            digest: of the bytes; the server compares the sha256.
            stream: gives the bytes; its error ends the request before the last of them is sent.
        """
        if self.refused:
            return False
        name = quote(key, safe="/~")
        request = self._sign(self._base + name, headers, digest.sha256)
        self._count(request=request)
        sent = {**request.headers, "Content-Length": str(digest.size)}
        body = cast("Iterator[bytes]", self._throttle.paced(self._pieces(stream, digest.size)))
        try:
            answer = self._pool.urlopen("PUT", self._path + name, body, sent, retries=False, redirect=False)
        except HTTPError:
            return False
        # Other rights, another place: so would be the next; not where a condition does not hold, or twice at a time.
        self.refused |= 300 <= answer.status < 500 and answer.status not in (409, 412)
        return answer.status == 200

    def _pieces(self, stream: BinaryIO, size: int) -> Iterator[memoryview]:
        """Give the body in pieces, each valid until the next; every thread has a buffer of its own for them."""
        buffer: memoryview = self._own.__dict__.setdefault("buffer", memoryview(bytearray(CHUNK)))
        while size:
            count: int = stream.readinto(buffer[: min(size, CHUNK)])  # type: ignore[attr-defined]
            yield buffer[:count]
            size -= count


def direct_put(
    place: Where, session: Any, client: Any, count: Callable[..., None], throttle: Throttle = UNLIMITED.throttle
) -> DirectPut | None:
    """Return the short way into a bucket; None where a proxy stands in it.

    Args:
        place: where it is.
        session: botocore's, which has the credentials and knows which authorities are trusted.
        client: made by it, which knows where the bucket's objects lie.
        count, throttle: see :class:`DirectPut`.
    """
    from botocore.utils import get_environ_proxies  # noqa: PLC0415 - loaded with botocore, where there is a bucket

    at = {"Bucket": place.bucket, "Key": f"{place.prefix}x"}
    base = client.generate_presigned_url("put_object", Params=at).partition("?")[0].removesuffix("x")
    if place.proxy or get_environ_proxies(base).get(urlsplit(base).scheme):
        return None
    certificates = place.ca or session.get_config_variable("ca_bundle") or ""
    return DirectPut(base, _signing(session, place.region), count, certificates, place.workers, throttle)


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
