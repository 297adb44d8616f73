"""The document that says what a store in a bucket is now; it is changed by compare-and-swap, and by nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from cudepot.digest import Digest
from cudepot.errors import BusyError, CudepotError, FormatError, StorageError
from cudepot.paths import safe_name
from cudepot.ports import FileTraits, Rank
from cudepot.sealed import sealed, unsealed
from cudepot.transport.s3.bucket import Bucket, Got
from cudepot.transport.s3.refusals import LostRaceError

KEY = "state.json"
FORMAT = 1
TRAITS = FileTraits(Rank.ROOT, "application/json", "no-store")
Files = Mapping[str, "Digest | str"]
"""Path → content of the store's records; small texts stand there themselves."""


class Coming(NamedTuple):
    """A snapshot that was decided on: its number, and the record that has it meanwhile."""

    number: int
    record: Digest


@dataclass(frozen=True, slots=True)
class State:
    """What a store is.

    Attributes:
        tree: the document that has its records.
        snapshots: numbers of the snapshots that are kept.
        newest: the highest number there ever was when it was written.
        coming: a snapshot whose own object may not be there yet; None for none.
        collecting: the working copy that removes objects just now; empty for none.
        serial: how often it was changed: servers compare documents, and one that says the same again after objects
            were removed must not be taken for the one before.
    """

    tree: Digest
    snapshots: tuple[int, ...] = ()
    newest: int = 0
    coming: Coming | None = None
    collecting: str = ""
    serial: int = 0

    def rendered(self) -> bytes:
        """Return the document."""
        data = {
            "format": FORMAT,
            "tree": [self.tree.sha256, self.tree.size],
            "snapshots": list(self.snapshots),
            "newest": self.newest,
            "coming": self.coming and [self.coming.number, self.coming.record.sha256, self.coming.record.size],
            "collecting": self.collecting,
            "serial": self.serial,
        }
        return json.dumps(sealed(data), sort_keys=True).encode() + b"\n"


def parse_state(data: bytes, what: str) -> State:
    """Return a state.

    Raises:
        StorageError: it is damaged, or of another format.
    """
    try:
        found = unsealed(data, what)
        if found["format"] != FORMAT:
            raise StorageError(
                f"{what}: format {found['format']} is not {FORMAT}", hint="use the cudepot that wrote it"
            )
        number, *record = found["coming"] or (0, "", 0)
        return State(
            _digest(*found["tree"]),
            tuple(int(one) for one in found["snapshots"]),
            int(found["newest"]),
            Coming(int(number), _digest(*record)) if number else None,
            str(found["collecting"]),
            int(found["serial"]),
        )
    except (FormatError, KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{what}: not what cudepot wrote: {error}", hint="restore it from a backup") from error


def _digest(sha256: object, size: object) -> Digest:
    return Digest(str(sha256), int(str(size)))


def rendered_files(files: Files) -> bytes:
    """Return the document of the records."""
    listed = {path: one if isinstance(one, str) else [one.sha256, one.size] for path, one in files.items()}
    return json.dumps(sealed({"files": listed}), sort_keys=True).encode() + b"\n"


def parse_files(data: bytes, what: str) -> dict[str, Digest | str]:
    """Return the records; raise StorageError where the document is damaged, or names a path outside the store.

    Nobody signs it: whoever may write to the bucket must not be able to write anywhere else on this machine.
    """
    try:
        listed: dict[str, Any] = unsealed(data, what)["files"]
        return {_plain(path): one if isinstance(one, str) else Digest(*one) for path, one in listed.items()}
    except (CudepotError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{what}: not what cudepot wrote: {error}", hint="restore it from a backup") from error


def _plain(path: str) -> str:
    if safe_name(path) != path:
        raise FormatError(f"{path!r} is not a plain path")
    return path


class StateFile:
    """The state of a bucket: read, then changed on condition that nobody changed it meanwhile."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket, self._etag = bucket, ""
        self.state: State | None = None
        self.age = 0.0

    def read(self) -> State | None:
        """Return what is there now; None for a bucket without a store."""
        got = self._bucket.get(KEY)
        self._take(got)
        return self.state

    def server_time(self) -> float:
        """Return the server's time, in seconds since 1970; 0 for a bucket without a store."""
        got = self._bucket.get(KEY)
        return got.now if got else 0.0

    def _take(self, got: Got | None) -> None:
        self._etag = got.etag if got else ""
        self.state = parse_state(got.body, f"{self._bucket.where}{KEY}") if got else None
        self.age = got.age if got else 0.0

    def swap(self, new: State) -> None:
        """Make ``new`` the state, unless somebody changed it since it was read.

        Raises:
            BusyError: somebody did.
        """
        body = new.rendered()
        try:
            self._etag = self._bucket.put(
                KEY, body, TRAITS, sha256(body).hexdigest(), absent=not self._etag, etag=self._etag
            )
        except LostRaceError as error:
            got = self._bucket.get(KEY)
            if got is None or got.body != body:  # else the answer to our own write was lost, and boto3 tried again
                raise BusyError(
                    f"{self._bucket.where}: another machine changed this store meanwhile",
                    hint="run the command again: what was fetched and built is in the bucket, and found there",
                ) from error
            self._etag = got.etag
        self.state = new
