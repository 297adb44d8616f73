"""The store's snapshots: written once, numbered, signed, chained by hash."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cudepot.digest import Digest
from cudepot.disk import write_atomic
from cudepot.errors import StorageError
from cudepot.store.layout import SNAPSHOTS
from cudepot.store.marks import Marks

_HEAD = 1 << 13  # bytes, in which the tree has begun
_TREE = b'\n "tree": {'


class Snapshots:
    """The folder ``snapshots`` of a store: ``000001.json`` and its signature ``000001.json.asc``."""

    def __init__(self, store_root: Path) -> None:
        self._folder, self._marks = SNAPSHOTS.at(store_root), Marks()

    def numbers(self) -> list[int]:
        """Return the numbers of all complete snapshots in order (one without signature is not complete)."""
        return self._numbered(".json.asc")

    def _numbered(self, suffix: str) -> list[int]:
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 - names alone: verbs ask several times
        except FileNotFoundError:
            return []
        return sorted(int(one[:6]) for one in names if one[6:] == suffix and one[:6].isdecimal())

    def read(self, number: int) -> tuple[bytes, bytes]:
        """Return the document and its signature."""
        path = self.path(number)
        try:
            return path.read_bytes(), path.with_suffix(".json.asc").read_bytes()
        except OSError as error:
            raise StorageError(f"{path}: cannot read snapshot {number}: {error.strerror}") from error

    def head(self, number: int) -> bytes:
        """Return the beginning of a document up to its tree, which may have megabytes, and some of that.

        :func:`~cudepot.catalog.site.snapshot.parse_head` reads it; a document of another form comes whole.

        Raises:
            StorageError: it cannot be read.
        """
        path = self.path(number)
        try:
            with path.open("rb") as handle:
                begin = handle.read(_HEAD)
                return begin if _TREE in begin else begin + handle.read()
        except OSError as error:
            raise StorageError(f"{path}: cannot read snapshot {number}: {error.strerror}") from error

    def holds(self, number: int, document: Digest, signature: Digest) -> bool:
        """Return whether both files are these; of a document that carries their :meth:`mark` no byte is read."""
        path = self.path(number)
        try:
            about = path.stat()
            if Digest.of(path.with_suffix(".json.asc").read_bytes()) != signature or about.st_size != document.size:
                return False
            return self._marks.holds(about, document.sha256) or self._marks.hashed(str(path)) == document
        except OSError:
            return False

    def mark(self, number: int, document: Digest) -> None:
        """Mark a document that was hashed, as objects are marked."""
        path = self.path(number)
        with contextlib.suppress(OSError):  # somebody else's, or on a file system that keeps no times: hashed each time
            about = path.stat()
            if not self._marks.holds(about, document.sha256):
                self._marks.put(str(path), about, document.sha256)

    def add(self, number: int, document: bytes, signature: bytes) -> None:
        """Keep a snapshot for good; the signature comes last and makes it complete."""
        path = self.path(number)
        if path.with_suffix(".json.asc").exists():
            raise StorageError(f"{path}: snapshot {number} exists already and is never changed")
        write_atomic(path, document, mode=0o444)
        write_atomic(path.with_suffix(".json.asc"), signature, mode=0o444)

    def path(self, number: int) -> Path:
        """Return where the document of a snapshot is, or would be."""
        return self._folder / f"{number:06d}.json"

    def documents(self) -> list[int]:
        """Return the numbers of all documents in order, those whose signature :meth:`remove` took included."""
        return self._numbered(".json")

    def document(self, number: int) -> bytes:
        """Return the document alone; empty when it is not there."""
        try:
            return self.path(number).read_bytes()
        except OSError:
            return b""

    def restore(self, number: int, document: bytes, signature: bytes) -> None:
        """Put back a damaged snapshot; the caller has checked the signature."""
        path = self.path(number)
        write_atomic(path, document, mode=0o444)
        write_atomic(path.with_suffix(".json.asc"), signature, mode=0o444)

    def remove(self, number: int, *, link: bool) -> None:
        """Forget a snapshot: its signature, and its document unless it is a ``link`` of the chain of hashes."""
        path = self.path(number)
        path.with_suffix(".json.asc").unlink(missing_ok=True)
        if not link:
            path.unlink(missing_ok=True)
