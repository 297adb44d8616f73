"""The store's records of what channels were made to show: numbered, signed, chained by hash, never changed."""

from __future__ import annotations

from pathlib import Path

from cudepot.disk import storage_errors, write_atomic
from cudepot.errors import StorageError
from cudepot.store.layout import PROMOTIONS


class Promotions:
    """The folder ``promotions`` of a store: ``000001.json`` and its signature ``000001.json.asc``."""

    def __init__(self, store_root: Path) -> None:
        self._folder = PROMOTIONS.at(store_root)

    def numbers(self) -> list[int]:
        """Return the numbers of all complete records in order (one without signature is not complete)."""
        return sorted(int(path.name[:6]) for path in self._folder.glob("[0-9]" * 6 + ".json.asc"))

    def path(self, number: int) -> Path:
        """Return where a record is, or would be."""
        return self._folder / f"{number:06d}.json"

    def read(self, number: int) -> tuple[bytes, bytes]:
        """Return a record and its signature; raise StorageError where they cannot be read."""
        path = self.path(number)
        try:
            return path.read_bytes(), path.with_suffix(".json.asc").read_bytes()
        except OSError as error:
            raise StorageError(f"{path}: cannot read promotion {number}: {error.strerror}") from error

    def add(self, number: int, document: bytes, signature: bytes) -> None:
        """Keep a record for good; the signature comes last and makes it complete."""
        path = self.path(number)
        if path.with_suffix(".json.asc").exists():
            raise StorageError(f"{path}: promotion {number} exists already and is never changed")
        with storage_errors(path):
            write_atomic(path, document, mode=0o444)
            write_atomic(path.with_suffix(".json.asc"), signature, mode=0o444)

    def remove(self, number: int) -> None:
        """Forget a record of a site that began again; raise StorageError where the disk refuses."""
        with storage_errors(self.path(number)):
            self.path(number).with_suffix(".json.asc").unlink(missing_ok=True)
            self.path(number).unlink(missing_ok=True)
