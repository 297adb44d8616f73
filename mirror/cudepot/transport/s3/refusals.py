"""Turns what boto3 raises into cudepot's errors, each with a hint; secrets are in none of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from cudepot.errors import BusyError, ConfigError, CudepotError, MissingError, SiteError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_MISSING = ("NoSuchKey", "404", "NotFound", "NoSuchUpload")
REFUSED = {
    "NoSuchBucket": "create the bucket first: cudepot does not create buckets",
    "AccessDenied": "the credentials boto3 found are not allowed to do this: check the bucket's policy",
    "403": "the credentials boto3 found are not allowed to do this: check the bucket's policy",
    "InvalidAccessKeyId": "this server does not know the credentials boto3 found: check AWS_PROFILE or `TABLE.profile`",
    "SignatureDoesNotMatch": "the secret key, `TABLE.region` or a proxy in between is wrong",
    "QuotaExceeded": "the bucket is full: raise its quota and run the command again: it resumes",
    "EntityTooLarge": "the server does not accept files of that size",
}
_NO_ANSWER = "check `TABLE.endpoint`, and run the command again: it resumes"
_NO_TLS = "for a private certificate authority name its file in `ca` of [TABLE]; else check `TABLE.endpoint`"
_NO_PROXY = "check `TABLE.proxy`, or HTTPS_PROXY in the environment, and run the command again: it resumes"
UNKNOWN = "see the server's own log; run the command again: it resumes"
_BRINGS, _WRITERS = {"site": "publish"}, {"site": "publisher"}
_NO_PAGES = (
    "this server cannot hold FOLDER/ as an object: set `folder-pages = false` in [site], and have a web server "
    "in front "
    "of it answer FOLDER/ with FOLDER/index.html"
)


class LostRaceError(BusyError):
    """A conditional write whose condition did not hold: somebody else was there."""


class UnchangedError(CudepotError):
    """A conditional read of what is there still."""


@contextmanager
def s3_errors(what: str, table: str) -> Iterator[None]:
    """Raise one of cudepot's errors for what boto3 raises.

    Args:
        what: names the bucket or object in errors.
        table: of cudepot.toml that describes the bucket, which hints name.

    Raises:
        MissingError: there is no such object.
        LostRaceError: the condition of a write does not hold.
        UnchangedError: the condition of a read does not hold.
        SiteError: the server refuses, or does not respond.
        ConfigError: there are no credentials.
    """
    from botocore.exceptions import (  # noqa: PLC0415 - 150 ms
        BotoCoreError,
        ClientError,
        HTTPClientError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
        ProxyConnectionError,
        SSLError,
    )

    try:
        yield
    except ClientError as error:
        raise _refusal(error, what, table) from error
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        hint = "set up credentials with `aws configure` or AWS_PROFILE; cudepot stores none"
        raise ConfigError(f"{what}: {error}", hint=hint) from error
    except (BotoCoreError, HTTPClientError, OSError) as error:
        said = " ".join(str(error).split())
        kinds = {SSLError: _NO_TLS, ProxyConnectionError: _NO_PROXY}
        hint = next((text for kind, text in kinds.items() if isinstance(error, kind)), _NO_ANSWER)
        raise SiteError(f"{what}: {said}", hint=hint.replace("TABLE", table)) from error


def _refusal(error: ClientError, what: str, table: str) -> Exception:
    detail = cast(dict[str, Any], error.response.get("Error", {}))
    code = str(detail.get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status == 304:
        return UnchangedError(f"{what}: unchanged")
    if code in _MISSING and error.operation_name not in ("PutObject", "CopyObject"):
        return MissingError(f"{what}: not there", hint=f"run `cudepot {_BRINGS.get(table, 'sync')}`")
    if code in ("PreconditionFailed", "ConditionalRequestConflict") or status == 412:
        return LostRaceError(
            f"{what}: another {_WRITERS.get(table, 'cudepot')} wrote it first",
            hint="let it finish, then run the command again",
        )
    said = " ".join(f"{code}: {detail.get('Message') or ''}".split()).rstrip(":")
    return SiteError(
        f"{what}: refused with {said} (HTTP {status})",
        hint=_NO_PAGES if what.endswith("/") else REFUSED.get(code, UNKNOWN).replace("TABLE", table),
    )
