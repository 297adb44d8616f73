"""What tables of cudepot.toml that name a bucket have in common."""

from __future__ import annotations

import re
from typing import Any

from cudepot.catalog.config.site import plain_url
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError
from cudepot.paths import plain_path

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")


def bucket_settings(table: Table) -> dict[str, Any]:
    """Return where a bucket is and how it is reached, by the names of `transport/s3/where.py`."""
    endpoint = plain_url(table, "endpoint")
    return {
        "bucket": _name(table),
        "prefix": _prefix(table),
        "endpoint": endpoint,
        "region": table.text("region", "us-east-1"),
        "path_style": table.flag("path-style", default=bool(endpoint)),
        "profile": table.text("profile", ""),
        "ca": table.text("ca", ""),
        "proxy": plain_url(table, "proxy"),
        "grace": table.integer("grace-hours", 24) * 3600,
        "read_back": table.flag("read-back"),
        "workers": table.integer("workers", 16, low=1, high=64),
    }


def _name(table: Table) -> str:
    """Return the name of the bucket; raise ConfigError for what is none."""
    name = table.text("bucket")
    if not _BUCKET.fullmatch(name):
        raise ConfigError(f"{table.path('bucket')!r} is no bucket's name: {name!r}")
    return name


def _prefix(table: Table) -> str:
    """Return what every key begins with, empty or ending in ``/``; raise ConfigError for what is no plain path."""
    prefix = table.text("prefix", "").strip("/")
    if prefix and plain_path(prefix) != prefix:
        raise ConfigError(f"{table.path('prefix')!r} is not a plain path: {prefix!r}")
    return f"{prefix}/" if prefix else ""
