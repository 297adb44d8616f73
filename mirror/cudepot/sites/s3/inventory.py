"""What is in a bucket, by our own record there: it decides what is sent, so no object has to be looked up.

The record claims only what is certain: an object is noted after it was written, and its claim is taken back before it
is overwritten or removed. A run killed in between leaves objects that are sent again, never a wrong claim. It pays for
the row "publish to S3 again, nothing changed" of ``scripts/bench site``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

from cudepot.digest import Digest
from cudepot.errors import FormatError, SiteError
from cudepot.ports import FileTraits, Rank
from cudepot.transport.s3.bucket import Bucket

KEY = ".cudepot/inventory.json"
FORMAT = "cudepot-s3 1"
TRAITS = FileTraits(Rank.INDEX, "application/json", "no-store")


@dataclass(slots=True)
class Inventory:
    """The record of one bucket.

    Attributes:
        newest: the highest number a snapshot was ever written under.
        shown: the snapshot whose roots were switched to last; 0 when none was.
        snapshots: those written and not pruned since, in order.
        objects: key → content of everything that is certainly there.
        unnamed: key → time (server's, seconds since 1970) since when no kept snapshot names it.
        doomed: keys being removed: perhaps there, perhaps not.
        uploads: key → (content, upload id) of uploads in parts that were begun.
    """

    newest: int = 0
    shown: int = 0
    snapshots: list[int] = field(default_factory=list)
    objects: dict[str, Digest] = field(default_factory=dict)
    unnamed: dict[str, float] = field(default_factory=dict)
    doomed: list[str] = field(default_factory=list)
    uploads: dict[str, tuple[Digest, str]] = field(default_factory=dict)

    def retire(self, wanted: Set[str], now: float, grace: float) -> list[str]:
        """Note since when objects are not named, and take back the claim to those whose time is over; return them."""
        self.unnamed = {key: self.unnamed.get(key, now) for key in self.objects if key not in wanted}
        over = [key for key, since in self.unnamed.items() if now - since >= grace]
        for key in over:
            del self.objects[key], self.unnamed[key]
        self.doomed = sorted({*self.doomed, *over} - wanted)
        return self.doomed


def load(bucket: Bucket) -> Inventory:
    """Return the record; an empty one where there is none yet.

    Raises:
        SiteError: something else lies in its place.
    """
    got = bucket.get(KEY)
    if got is None:
        return Inventory()
    try:
        return _parsed(json.loads(got.body))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, FormatError) as error:
        raise SiteError(
            f"{bucket.where}{KEY}: not a record this cudepot can read ({type(error).__name__})",
            hint="remove that object: everything is then sent again",
        ) from error


def save(bucket: Bucket, record: Inventory) -> None:
    """Write the record."""
    body = _rendered(record)
    bucket.put(KEY, body, TRAITS, hashlib.sha256(body).hexdigest())


def _parsed(data: Any) -> Inventory:
    if data["format"] != FORMAT:
        raise ValueError(data["format"])
    return Inventory(
        int(data["newest"]),
        int(data["shown"]),
        sorted(int(one) for one in data["snapshots"]),
        {key: Digest(str(sha256), int(size)) for key, (sha256, size) in data["objects"].items()},
        {key: float(since) for key, since in data["unnamed"].items()},
        [str(one) for one in data["doomed"]],
        {key: (Digest(str(one), int(size)), str(upload)) for key, (one, size, upload) in data["uploads"].items()},
    )


def _rendered(record: Inventory) -> bytes:
    data = {
        "format": FORMAT,
        "newest": record.newest,
        "shown": record.shown,
        "snapshots": record.snapshots,
        "objects": {key: [one.sha256, one.size] for key, one in record.objects.items()},
        "unnamed": record.unnamed,
        "doomed": record.doomed,
        "uploads": {key: [one.sha256, one.size, upload] for key, (one, upload) in record.uploads.items()},
    }
    return json.dumps(data, sort_keys=True).encode() + b"\n"
