"""Digests, plain paths, and typed access to parsed JSON. Pure."""

import hashlib
import json
import posixpath
import re
from typing import Any, BinaryIO, Dict, Iterator, List, NamedTuple

from cudepot_far.errors import ConfigError, FarError, FormatError, TrustError

CHUNK = 1 << 20
HEX = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
Table = Dict[str, Any]


class Digest(NamedTuple):
    """What a file is known by: sha256 and size in bytes."""

    sha256: str
    size: int


def digest_of(data: bytes) -> Digest:
    """Return the digest of bytes."""
    return Digest(hashlib.sha256(data).hexdigest(), len(data))


def chunks_of(stream: BinaryIO, size: int, what: str) -> Iterator[bytes]:
    """Give the next ``size`` bytes of a stream; raise FormatError when they are not all there."""
    left = size
    while left:
        chunk = stream.read(min(CHUNK, left))
        if not chunk:
            raise FormatError(f"{what}: cut short: {left} bytes are missing", "copy the file again")
        left -= len(chunk)
        yield chunk


def checked(chunks: Iterator[bytes], digest: Digest, what: str) -> Iterator[bytes]:
    """Give chunks on; raise TrustError in the end when they were not the bytes of the digest."""
    one, size = hashlib.sha256(), 0
    for chunk in chunks:
        one.update(chunk)
        size += len(chunk)
        if size > digest.size:
            break
        yield chunk
    if (one.hexdigest(), size) != tuple(digest):
        raise TrustError(
            f"{what}: {size} bytes with sha256 {one.hexdigest()}, not the {digest.size} bytes of {digest.sha256}",
            "it was damaged or replaced: get it again",
        )


def safe_name(name: str) -> str:
    """Return a name as a relative path without ``.`` and ``//``; raise FormatError when it could leave its folder."""
    parts = name.split("/")
    if not name or name.startswith("/") or "\\" in name or _CONTROL.search(name) or ".." in parts:
        raise FormatError(f"unsafe path {name[:200]!r}", "the file may be hostile: do not use it")
    clean = posixpath.normpath(name)
    if clean == ".":
        raise FormatError(f"path {name!r} names no file")
    return clean


def parse_json(data: bytes, what: str) -> Table:
    """Return a JSON object; raise ConfigError for anything else."""
    try:
        found = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{what}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{what}: not a JSON object")
    return found


def text(table: Table, key: str, what: str) -> str:
    """Return a string of a table; raise ConfigError when there is none."""
    found = table.get(key)
    if not isinstance(found, str):
        raise ConfigError(f"{what}: expected a string in {key!r}")
    return found


def integer(table: Table, key: str, what: str, low: int = 0, high: int = 1 << 62) -> int:
    """Return an integer of a table; raise ConfigError when there is none between ``low`` and ``high``."""
    found = table.get(key)
    if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
        raise ConfigError(f"{what}: expected an integer from {low} to {high} in {key!r}")
    return found


def table_of(table: Table, key: str, what: str) -> Table:
    """Return a table within a table; raise ConfigError when there is none."""
    found = table.get(key)
    if not isinstance(found, dict):
        raise ConfigError(f"{what}: expected a table in {key!r}")
    return found


def tables(table: Table, key: str, what: str) -> List[Table]:
    """Return a list of tables, an empty one where it is not given; raise ConfigError for anything else."""
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ConfigError(f"{what}: expected tables in {key!r}")
    return found


def texts(table: Table, key: str, what: str) -> List[str]:
    """Return a list of strings, an empty one where it is not given; raise ConfigError for anything else."""
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ConfigError(f"{what}: expected strings in {key!r}")
    return found


def digest(table: Table, what: str) -> Digest:
    """Return the digest that stands in a table; raise ConfigError when there is none."""
    sha256 = text(table, "sha256", what)
    if not HEX.fullmatch(sha256):
        raise ConfigError(f"{what}: expected 64 hex digits in 'sha256'")
    return Digest(sha256, integer(table, "size", what))


def digests(table: Table, key: str, what: str) -> List[Digest]:
    """Return the digests of a list."""
    return [digest(one, what) for one in tables(table, key, what)]


def plain(name: str) -> bool:
    """Return whether a name is a plain relative path, written as plainly as can be."""
    try:
        return safe_name(name) == name
    except FarError:
        return False
