"""The records of a store in its working copy, and how they get into a bucket and out of it: all that is no object."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cudepot.catalog.site_tops import RECORDS
from cudepot.digest import Digest, mismatch
from cudepot.disk import write_atomic
from cudepot.errors import StorageError
from cudepot.ports import FileTraits, Rank
from cudepot.store.layout import LAYOUT, OBJECTS, PARTS, SITE, SNAPSHOTS, Entry, Loss
from cudepot.store.snapshots import Snapshots
from cudepot.stores.s3.state import Files, parse_files, rendered_files
from cudepot.transport.s3.bucket import Bucket
from cudepot.transport.s3.refusals import LostRaceError

ROOM = f"{RECORDS}/"
TRAITS = FileTraits(Rank.HASHED, "application/octet-stream", "no-store")
_RESTORE = "restore it from a backup"
_SHORT = 200  # bytes of a text that needs no object of its own


class RecordGoneError(StorageError):
    """What a state names is not in the bucket: somebody removed it since, who changed the state, or meddled."""


def is_record(entry: Entry) -> bool:
    """Return whether a file of a store goes into the bucket as a record."""
    return entry.loss in (Loss.RECORD, Loss.WORK) and entry not in (OBJECTS, PARTS, SNAPSHOTS, SITE)


def key_of(digest: Digest) -> str:
    """Return the key of a record."""
    return f"{ROOM}{digest.sha256[:2]}/{digest.sha256}"


def local_files(root: Path) -> Iterator[Path]:
    """Give the records of a working copy; of snapshots only documents that are left as links of the chain."""
    for entry in filter(is_record, LAYOUT):
        found = sorted(entry.at(root).glob("*")) if entry.files else [entry.at(root)]  # with signatures beside them
        yield from (one for one in found if one.is_file() and not one.name.startswith(".tmp-"))
    snapshots = Snapshots(root)
    for number in set(snapshots.documents()) - set(snapshots.numbers()):
        yield snapshots.path(number)


class Records:
    """Moves records between a working copy and a bucket.

    Args:
        bucket: the bucket.
        root: of the working copy.
        also: further files that go with it, by the path they have in the bucket; put back where they are missing.
    """

    def __init__(self, bucket: Bucket, root: Path, also: Mapping[str, Path]) -> None:
        self._bucket, self._root, self._also = bucket, root, also
        self._known: set[str] = set()
        self.files: dict[str, Digest | str] = {}

    def pull(self, tree: Digest) -> None:
        """Make the working copy have exactly these records; one that is there already is not fetched.

        Raises:
            RecordGoneError: the bucket lacks a record.
            TrustError: it has another.
        """
        self.files = parse_files(self.get(tree), f"{self._bucket.where}{key_of(tree)}")
        self._known = {tree.sha256, *(one.sha256 for one in self.files.values() if isinstance(one, Digest))}
        places = {path: self._also.get(path) or self._root / path for path in self.files}
        for path in local_files(self._root):
            if str(path.relative_to(self._root)) not in self.files:
                path.unlink()
        wanted = [(places[path], one) for path, one in self.files.items() if self._is_lacking(path, places[path], one)]
        with ThreadPoolExecutor(self._bucket.place.workers) as pool:
            list(pool.map(self._bring, wanted))

    def push(self) -> Digest:
        """Send what the working copy has anew, and return the document of all of its records."""
        found = dict(self._found())
        bodies = {Digest.of(body): body for _, body in found.values() if body}
        files: dict[str, Digest | str] = {path: one for path, (one, _) in found.items()}
        tree, document = self._document(files)
        with ThreadPoolExecutor(self._bucket.place.workers) as pool:
            list(pool.map(self._put, bodies.items()))
        self._put((tree, document))
        self.files = files
        return tree

    def keep(self, body: bytes) -> Digest:
        """Send a record that is no file of the working copy, and return what names it."""
        self._put((digest := Digest.of(body), body))
        return digest

    def named(self) -> set[str]:
        """Return the keys of the records there are now, without the document of them."""
        return {key_of(one) for one in self.files.values() if isinstance(one, Digest)}

    def _document(self, files: Files) -> tuple[Digest, bytes]:
        body = rendered_files(files)
        return Digest.of(body), body

    def _found(self) -> Iterator[tuple[str, tuple[Digest | str, bytes]]]:
        """Give path and content of every record, with the bytes that have to be an object of their own."""
        local = {str(path.relative_to(self._root)): path for path in local_files(self._root)}
        for path, place in sorted({**local, **self._also}.items()):
            if place.is_file():
                yield path, _content(place.read_bytes())

    def _is_lacking(self, path: str, place: Path, wanted: Digest | str) -> bool:
        if not place.is_file():
            return True
        return path not in self._also and _content(place.read_bytes())[0] != wanted

    def _bring(self, wanted: tuple[Path, Digest | str]) -> None:
        place, one = wanted
        mode = 0o444 if place.parent.name == SNAPSHOTS.name else 0o644
        write_atomic(place, one.encode() if isinstance(one, str) else self.get(one), mode=mode)

    def get(self, digest: Digest) -> bytes:
        """Return a record; raise as :meth:`pull` does."""
        what = f"{self._bucket.where}{key_of(digest)}"
        got = self._bucket.get(key_of(digest))
        if got is None:
            raise RecordGoneError(
                f"{what}: a record of the store is not in the bucket", hint="restore it from a backup"
            )
        if (found := Digest.of(got.body)) != digest:
            raise mismatch(what, digest, found)
        return got.body

    def _put(self, one: tuple[Digest, bytes]) -> None:
        digest, body = one
        if digest.sha256 in self._known:
            return
        with contextlib.suppress(LostRaceError):  # somebody sent the very same
            self._bucket.put(key_of(digest), body, TRAITS, digest.sha256, absent=True)
        self._known.add(digest.sha256)


def _content(body: bytes) -> tuple[Digest | str, bytes]:
    """Return what the document of records says of one, and the bytes that are to be sent for it."""
    if len(body) <= _SHORT:
        try:
            return body.decode(), b""
        except UnicodeDecodeError:
            pass
    return Digest.of(body), body
