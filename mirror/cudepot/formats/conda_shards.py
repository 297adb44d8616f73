"""Sharded repodata: an index that says which shard has the records of a name, and by which hash.

Sources: CEP 16 (index and shards), CEP 21 (run_exports in shards). Nothing but this reader checks a shard: clients such
as rattler take whatever bytes are under its name.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import msgpack

from cudepot.digest import hexdigest
from cudepot.errors import FormatError, TrustError
from cudepot.formats.compression import decompressed
from cudepot.formats.conda_record import V3
from cudepot.formats.conda_subdir import LEGACY, REVISED, WHEELS, Subdir
from cudepot.formats.guarded import Guard, damaged

INDEX = "repodata_shards.msgpack.zst"
SHARD = ".msgpack.zst"
"""How names of shards end, after the sha256 of what they hold."""
SHARD_LIMIT = 16 << 20
"""Bytes a shard may have as it is there; the largest of conda-forge has about one MB."""
_INDEX_UNPACKED, _SHARD_UNPACKED = 64 << 20, 256 << 20
_NAMES = re.compile(r"(?:[a-z0-9_][a-z0-9_.-]{0,199}\n)*")
_VERSION = 1


class ShardIndex(NamedTuple):
    """The index of one subdir.

    Attributes:
        head: the subdir, as the index describes it; without packages.
        shards_url: where the shards are, absolute or relative to the index.
        hashes: name → sha256 of its shard.
    """

    head: Subdir
    shards_url: str
    hashes: Mapping[str, str]

    def shard(self, name: str) -> str:
        """Return where the shard of a name is, as ``shards_url``."""
        return f"{self.shards_url}{self.hashes[name]}{SHARD}"


def read_index(data: bytes, subdir: str, what: str) -> ShardIndex:
    """Return an index of shards.

    Raises:
        FormatError: damaged, too large, of another subdir, or of a version that only a newer cudepot reads.
    """
    found = _unpacked(data, _INDEX_UNPACKED, what)
    if found.get("version", _VERSION) != _VERSION:
        raise FormatError(f"{what}: is of version {str(found['version'])[:20]}", hint="use a newer cudepot")
    head = Subdir(subdir)
    head.inform(found.get("info"), what)
    shards_url = found["info"].get("shards_base_url", "")
    if not isinstance(shards_url, str) or not shards_url.isprintable() or len(shards_url) > 2000:
        raise damaged(what, "its shards_base_url is no text")
    hashes = found.get("shards")
    if not isinstance(hashes, dict):
        raise damaged(what, "it has no shards")
    if not (_are_hashes(hashes.values()) and _are_names(hashes)):
        raise damaged(what, "its shards are not names with a sha256 each")
    folder = shards_url if not shards_url or shards_url.endswith("/") else f"{shards_url}/"
    return ShardIndex(head, folder, {name: value.hex() for name, value in hashes.items()})


def _are_hashes(values: Collection[object]) -> bool:
    return all(type(one) is bytes and len(one) == 32 for one in values)


def _are_names(names: Collection[object]) -> bool:
    """Return whether all are names of packages; an index has tens of thousands, so they are looked at together."""
    lines = "".join([f"{one}\n" for one in names if isinstance(one, str)])
    return lines.count("\n") == len(names) and _NAMES.fullmatch(lines) is not None


def read_shard(data: bytes, index: ShardIndex, name: str, found: Subdir, what: str) -> None:
    """Take the records of a name out of its shard.

    Args:
        data: the shard as it is there.
        index: the index that names it.
        name: of the packages.
        found: takes the records in.
        what: how errors name the shard.

    Raises:
        TrustError: it is not the shard that the index names.
        FormatError: damaged, too large, or with records of another name.
    """
    if hexdigest(data) != index.hashes[name]:
        raise TrustError(
            f"{what}: has sha256 {hexdigest(data)}, the index says {index.hashes[name]}",
            hint="index and shard do not belong together: the upstream may be in the middle of an update, run "
            "the command again",
        )
    shard = _unpacked(data, _SHARD_UNPACKED, what)
    for key in LEGACY:
        for filename, record in _mapping(shard, key, what).items():
            _check(name, filename, record, what)
            found.take(filename, record, what)
    newer = _mapping(shard, V3, what)
    for form in (*REVISED, WHEELS):
        for stem, record in _mapping(newer, form, what).items():
            _check(name, stem, record, what)
            found.take_revised(form, stem, record, what)
    removed = shard.get("removed") or []
    if not isinstance(removed, list) or not all(isinstance(one, str) for one in removed):
        raise damaged(what, "its removed are no names")
    found.removed |= set(removed)


def _check(name: str, filename: object, record: object, what: str) -> None:
    if not isinstance(filename, str) or not isinstance(record, dict) or record.get("name") != name:
        raise FormatError(f"{what}: has {str(filename)[:200]!r}, which is no package of {name}")


def _mapping(document: Mapping[str, Any], key: str, what: str) -> Mapping[Any, Any]:
    found = document.get(key) or {}
    if not isinstance(found, dict):
        raise damaged(what, f"its {key} is no map")
    return found


def _unpacked(data: bytes, limit: int, what: str) -> dict[str, Any]:
    plain = decompressed(io.BytesIO(data), what, limit=limit, kind="zstd").read()
    with Guard(what):
        try:
            found = msgpack.unpackb(plain, raw=False, strict_map_key=True)
        except (msgpack.UnpackException, TypeError) as error:
            raise damaged(what, str(error)) from error
    if not isinstance(found, dict):
        raise damaged(what, "it is no map")
    return found
