"""A bucket as cudepot.toml names it: where it is and how it is reached, but no credentials."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """Objects of a bucket below a prefix; credentials come from boto3's own chain, never from here.

    Attributes:
        bucket: its name; it has to exist.
        prefix: what every key begins with; empty, or ending in ``/``.
        endpoint: URL of the server; empty for AWS.
        region: as the server wants it signed.
        path_style: ``http://server/bucket/key`` rather than ``http://bucket.server/key``.
        profile: of boto3's configuration; empty for its default.
        ca: file of certificates to trust; empty for the system's.
        proxy: URL of a proxy; empty for none but the environment's.
        public_url: where others read it, ending in ``/``; empty for the bucket itself.
        grace: seconds that an object stays after nothing names it any more.
        read_back: whether everything written is read again and hashed.
        workers: transfers at a time.
        table: of cudepot.toml that says all this, for hints.
    """

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    path_style: bool = False
    profile: str = ""
    ca: str = ""
    proxy: str = ""
    public_url: str = ""
    grace: int = 86400
    read_back: bool = False
    workers: int = 16
    table: str = "site"

    def is_beside(self, other: Where) -> bool:
        """Return whether one server has both, so that it can copy from one to the other."""
        return (self.endpoint, self.region, self.profile) == (other.endpoint, other.region, other.profile)
