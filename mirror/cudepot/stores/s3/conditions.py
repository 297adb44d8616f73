"""Whether a server honours conditional writes: one that silently ignores them would lose a store's work."""

from __future__ import annotations

import secrets
from hashlib import sha256

from cudepot.errors import ConfigError
from cudepot.ports import FileTraits, Rank
from cudepot.transport.s3.bucket import Bucket
from cudepot.transport.s3.refusals import LostRaceError

TRAITS = FileTraits(Rank.INDEX, "application/json", "no-store")


def check_conditions(bucket: Bucket) -> None:
    """Write an object twice that may be written once, and over one that is another.

    Raises:
        ConfigError: the server takes what it has to refuse.
    """
    key = f"probe-{secrets.token_hex(8)}"
    try:
        _put(bucket, key, absent=True)
        if _takes(bucket, key, absent=True) or _takes(bucket, key, etag="0" * 32):
            raise ConfigError(
                f"{bucket.where}: this server ignores the conditions of writes (If-None-Match, If-Match), so that two "
                "machines could undo each other's work",
                hint="keep the store on AWS, Ceph or MinIO of today, or in a folder; a site can be on this server",
            )
    finally:
        bucket.delete(key)


def _takes(bucket: Bucket, key: str, *, absent: bool = False, etag: str = "") -> bool:
    try:
        _put(bucket, key, absent=absent, etag=etag)
    except LostRaceError:
        return False
    return True


def _put(bucket: Bucket, key: str, *, absent: bool = False, etag: str = "") -> None:
    bucket.put(key, b"probe", TRAITS, sha256(b"probe").hexdigest(), absent=absent, etag=etag)
