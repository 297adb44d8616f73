"""One S3 bucket through boto3: a handful of verbs, each error told as one of cudepot's."""

from __future__ import annotations

import base64
import contextlib
import datetime
import functools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from cudepot.digest import Digest
from cudepot.errors import ConfigError, MissingError, SiteError
from cudepot.ports import FileTraits
from cudepot.transport.limits import UNLIMITED, Throttle
from cudepot.transport.s3.direct_put import DirectPut, direct_put
from cudepot.transport.s3.refusals import REFUSED, UNKNOWN, s3_errors

if TYPE_CHECKING:
    from cudepot.transport.s3.where import Where

MOST_COPIED = 5 << 30
"""Bytes of an object that S3 copies in one request."""
_MOST_DELETED = 1000


@dataclass(frozen=True, slots=True)
class Got:
    """A small object read whole; ``age`` is seconds since it was written, by the server's own clock."""

    body: bytes
    etag: str
    age: float
    now: float


class Patience(NamedTuple):
    """How long a server is waited for: seconds to connect and for each answer, and how often a request is sent."""

    connect: float = 10.0
    answer: float = 60.0
    tries: int = 5


class Bucket:
    """The objects of a bucket below a prefix; keys given here are relative to it.

    Attributes:
        requests: how many requests were sent, retries included.
    """

    def __init__(
        self,
        place: Where,
        user_agent: str,
        throttle: Throttle = UNLIMITED.throttle,
        patience: Patience = Patience(),  # noqa: B008 - a value
    ) -> None:
        self.place, self.requests, self._throttle = place, 0, throttle
        with self._errors("connecting"):
            self._session, self._client = _client(place, user_agent, patience)
        self._user_agent = user_agent
        self._client.meta.events.register("before-send.s3", self._count)

    def _count(self, **_: object) -> None:
        self.requests += 1

    @property
    def where(self) -> str:
        """The place as people write it."""
        return f"s3://{self.place.bucket}/{self.place.prefix}"

    def get(self, key: str, *, unless: str = "") -> Got | None:
        """Return a small object; None when there is none; raise UnchangedError where its ETag is ``unless``."""
        condition = {"IfNoneMatch": unless} if unless else {}
        try:
            with self._errors(key):
                answer = self._client.get_object(**self._at(key), **condition)
                body = answer["Body"].read()
        except MissingError:
            return None
        now = _server_time(answer)
        return Got(body, answer["ETag"].strip('"'), now - answer["LastModified"].timestamp(), now)

    def open(self, key: str, piece: tuple[int, int] | None = None) -> BinaryIO:
        """Open an object, or its bytes from one to before another; raise MissingError when there is none."""
        asked = {"Range": f"bytes={piece[0]}-{piece[1] - 1}"} if piece else {}
        with self._errors(key):
            answer = self._client.get_object(**self._at(key), **asked)
        if piece and "ContentRange" not in answer:
            answer["Body"].close()
            raise SiteError(f"{self.where}{key}: this server sends all where a range is asked for", hint=UNKNOWN)
        return cast(BinaryIO, answer["Body"])

    def put(
        self,
        key: str,
        body: bytes | bytearray,
        traits: FileTraits,
        sha256: str,
        *,
        absent: bool = False,
        etag: str = "",
    ) -> str:
        """Write an object and return its ETag.

        Args:
            key: its name.
            body: its bytes.
            traits: how it is served.
            sha256: of the bytes, which servers that know checksums compare.
            absent: refuse to write over an object (``If-None-Match: *``).
            etag: write only over the object with this ETag (``If-Match``).

        Raises:
            LostRaceError: the condition does not hold.
        """
        self._throttle.take(len(body))
        condition: dict[str, str] = {"IfNoneMatch": "*"} if absent else {"IfMatch": etag} if etag else {}
        with self._errors(key):
            answer = self._client.put_object(
                **self._at(key), **_headers(traits, sha256), **condition, Body=body, ChecksumSHA256=_base64(sha256)
            )
        return str(answer["ETag"]).strip('"')

    def put_direct(
        self, key: str, stream: BinaryIO, traits: FileTraits, digest: Digest, *, absent: bool = False
    ) -> bool:
        """Write an object from a stream the short way; return False where :meth:`put` or parts have to.

        With ``absent``, refuse to write over an object.

        Raises:
            Exception: what the stream raises; nothing is written then.
        """
        with self._errors(key):
            headers = {
                "Content-Type": traits.content_type,
                "Cache-Control": traits.cache_control,
                "x-amz-meta-sha256": digest.sha256,
                "x-amz-checksum-sha256": _base64(digest.sha256),
                "User-Agent": self._user_agent,
                **({"If-None-Match": "*"} if absent else {}),
            }
            return self._direct is not None and self._direct.put(key, headers, digest, stream)

    @functools.cached_property
    def _direct(self) -> DirectPut | None:
        return direct_put(self.place, self._session, self._client, self._count, self._throttle)

    def copy(self, source: str, key: str, traits: FileTraits, sha256: str, origin_bucket: str = "") -> None:
        """Copy an object, of at most :data:`MOST_COPIED`, on the server.

        ``source`` is a key of ours, or with ``origin_bucket`` a whole key of that bucket.
        """
        origin = {
            "Bucket": origin_bucket or self.place.bucket,
            "Key": source if origin_bucket else self.place.prefix + source,
        }
        with self._errors(key):
            self._client.copy_object(
                **self._at(key), **_headers(traits, sha256), CopySource=origin, MetadataDirective="REPLACE"
            )

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        with self._errors(key):
            self._client.delete_object(**self._at(key))

    def delete_each(self, keys: Sequence[str]) -> None:
        """Remove objects, as far as they are there, many in a request."""
        for start in range(0, len(keys), _MOST_DELETED):
            named = [{"Key": self.place.prefix + one} for one in keys[start : start + _MOST_DELETED]]
            with self._errors("deleting"):
                answer = self._client.delete_objects(
                    Bucket=self.place.bucket, Delete={"Objects": named, "Quiet": True}, ChecksumAlgorithm="SHA256"
                )
            if errors := answer.get("Errors", ()):
                one = errors[0]
                raise SiteError(
                    f"{self.place.bucket}/{one.get('Key')}: not removed: {one.get('Code')}",
                    hint=REFUSED["AccessDenied"],
                )

    def size(self, key: str) -> int:
        """Return how many bytes an object has; raise MissingError when there is none."""
        with self._errors(key):
            return int(self._client.head_object(**self._at(key))["ContentLength"])

    def stock(self, start: str) -> Iterator[tuple[str, int, float]]:
        """Give key, size and time of writing (seconds since 1970) of all objects whose keys begin with ``start``."""
        pages = self._client.get_paginator("list_objects_v2")
        with self._errors(start):
            for page in pages.paginate(Bucket=self.place.bucket, Prefix=self.place.prefix + start):
                for one in page.get("Contents", ()):
                    yield one["Key"][len(self.place.prefix) :], one["Size"], one["LastModified"].timestamp()

    def listing(self) -> Iterator[str]:
        """Give every key below the prefix."""
        pages = self._client.get_paginator("list_objects_v2")
        with self._errors("listing"):
            for page in pages.paginate(Bucket=self.place.bucket, Prefix=self.place.prefix):
                yield from (one["Key"][len(self.place.prefix) :] for one in page.get("Contents", ()))

    # uploads in parts

    def begin_parts(self, key: str, traits: FileTraits, sha256: str) -> str:
        """Begin an upload in parts and return its id."""
        with self._errors(key):
            answer = self._client.create_multipart_upload(**self._at(key), **_headers(traits, sha256))
        return str(answer["UploadId"])

    def put_part(self, key: str, upload: str, number: int, body: bytes | bytearray) -> str:
        """Send a part and return its ETag."""
        self._throttle.take(len(body))
        with self._errors(key):
            answer = self._client.upload_part(**self._at(key), UploadId=upload, PartNumber=number, Body=body)
        return str(answer["ETag"]).strip('"')

    def end_parts(self, key: str, upload: str, etags: list[str], *, absent: bool = False) -> None:
        """Make an object of the parts; with ``absent``, refuse to write over one."""
        condition = {"IfNoneMatch": "*"} if absent else {}
        parts = [{"PartNumber": number, "ETag": f'"{one}"'} for number, one in enumerate(etags, 1)]
        with self._errors(key):
            self._client.complete_multipart_upload(
                **self._at(key), UploadId=upload, MultipartUpload={"Parts": parts}, **condition
            )

    def parts(self, key: str, upload: str) -> dict[int, str]:
        """Return the ETag by number of the parts that have arrived; empty when the upload is unknown."""
        found: dict[int, str] = {}
        try:
            with self._errors(key):
                for page in self._client.get_paginator("list_parts").paginate(**self._at(key), UploadId=upload):
                    found |= {one["PartNumber"]: one["ETag"].strip('"') for one in page.get("Parts", ())}
        except SiteError:
            return {}
        return found

    def abort(self, key: str, upload: str) -> None:
        """Give up an upload in parts; the server forgets what arrived of it."""
        with contextlib.suppress(MissingError), self._errors(key):
            self._client.abort_multipart_upload(**self._at(key), UploadId=upload)

    def uploads(self, start: str) -> Iterator[tuple[str, str, float]]:
        """Give key, id and time of the beginning (seconds since 1970) of all uploads in parts below ``start``."""
        pages = self._client.get_paginator("list_multipart_uploads")
        with self._errors(start):
            for page in pages.paginate(Bucket=self.place.bucket, Prefix=self.place.prefix + start):
                for one in page.get("Uploads", ()):
                    yield one["Key"][len(self.place.prefix) :], one["UploadId"], one["Initiated"].timestamp()

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.place.bucket, "Key": self.place.prefix + key}

    def _errors(self, key: str) -> AbstractContextManager[None]:
        return s3_errors(f"{self.where}{key}", self.place.table)


def _client(place: Where, user_agent: str, patience: Patience) -> tuple[Any, Any]:
    """Return botocore's session and boto3's client; boto3 takes 200 ms to import, and only sites on S3 need it."""
    from boto3.session import Session as Boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.session import Session  # noqa: PLC0415

    if place.ca and not Path(place.ca).is_file():
        hint = f"`ca` of [{place.table}] names a file of certificates (PEM)"
        raise ConfigError(f"{place.ca}: no such file", hint=hint)
    config = Config(
        signature_version="s3v4",
        # Old servers know no trailing checksums. A signed payload has its sha256 compared by all of them.
        s3={"addressing_style": "path" if place.path_style else "auto", "payload_signing_enabled": True},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": patience.tries},
        max_pool_connections=place.workers + 2,
        connect_timeout=patience.connect,
        read_timeout=patience.answer,
        proxies={"http": place.proxy, "https": place.proxy} if place.proxy else None,
        user_agent_extra=user_agent,
    )
    session = Session(profile=place.profile or None)
    return session, Boto3(botocore_session=session).client(
        "s3",
        region_name=place.region,
        endpoint_url=place.endpoint or None,
        verify=place.ca or None,
        config=config,
    )


def _base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _headers(traits: FileTraits, sha256: str) -> dict[str, Any]:
    return {
        "ContentType": traits.content_type,
        "CacheControl": traits.cache_control,
        "Metadata": {"sha256": sha256},
    }


def _server_time(answer: Any) -> float:
    text = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    try:
        return datetime.datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.UTC).timestamp()
    except ValueError:
        return float(answer["LastModified"].timestamp())
