"""Manifests of bundles with their signatures: ``exported/``, ``incoming/`` and ``imported/`` of a store."""

from __future__ import annotations

from pathlib import Path

from cudepot.errors import FormatError, StorageError
from cudepot.store.layout import Entry
from cudepot.store.sealed_file import SealedFile


class Manifests:
    """One of the folders: a file for each manifest, which holds the signature too.

    Args:
        store_root: folder of the store.
        folder: one of :data:`~cudepot.store.layout.MANIFESTS`.
    """

    def __init__(self, store_root: Path, folder: Entry) -> None:
        self._folder = folder.at(store_root)

    def names(self) -> list[str]:
        """Return the names of all manifests in order."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def read(self, name: str) -> tuple[bytes, bytes]:
        """Return a manifest and its signature; raise CudepotError when they cannot be read or were changed."""
        file = self._file(name)
        try:
            found = file.read()
            return str(found["manifest"]).encode(), str(found["signature"]).encode()
        except OSError as error:
            raise StorageError(f"{file.path}: cannot read the manifest of a bundle: {error.strerror}") from error
        except KeyError as error:
            raise FormatError(f"{file.path}: holds no {error}", hint="run `cudepot verify --repair`") from error

    def has(self, name: str) -> bool:
        """Return whether there is a manifest of that name."""
        return self._file(name).path.is_file()

    def add(self, name: str, document: bytes, signature: bytes) -> None:
        """Keep a manifest and its signature."""
        self._file(name).write({"manifest": document.decode(), "signature": signature.decode()})

    def remove(self, name: str) -> None:
        """Forget a manifest."""
        self._file(name).forget()

    def _file(self, name: str) -> SealedFile:
        return SealedFile(self._folder / f"{name}.json", indent=None, mode=0o444)
