"""Hashes over what decides an upstream's lock, and which of its signatures hold."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from cudepot.catalog.config.config import Pin
from cudepot.catalog.config.upstream import Upstream
from cudepot.depot.key_files import key_files
from cudepot.digest import Digest, hasher

_REPORTED_ONLY = ("max_age", "settings", "package_keys")
"""What changes what is reported, not what is locked; and what is hashed in another way."""


def request_hash(upstream: Upstream, pins: tuple[Pin, ...]) -> str:
    """Return a hash over all that decides what an upstream is asked for; settings older locks lack only if used."""
    alike = {name: value for name, value in asdict(upstream).items() if name not in _REPORTED_ONLY}
    checked = {"rpm_keys": upstream.package_keys} if upstream.package_keys else {}
    settings = {**alike, **checked, **upstream.settings.hashed()}
    asked = json.dumps([settings, [asdict(pin) for pin in pins]], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()


def key_hash(base: Path, upstream: Upstream) -> str:
    """Return a hash over all that decides which signatures hold; empty where a keyring cannot be read."""
    one = hasher()
    one.update("\n".join(upstream.keys).encode())
    try:
        for path in key_files(base, upstream):
            one.update(Digest.of(path.read_bytes()).sha256.encode())
    except OSError:
        return ""
    return one.hexdigest()
