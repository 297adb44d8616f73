"""Manifests of bundles with their signatures: ``exported/``, ``incoming/`` and ``imported/`` of a store."""

from __future__ import annotations

import json
from pathlib import Path

from cudepot.disk import storage_errors, write_atomic
from cudepot.errors import FormatError, StorageError
from cudepot.sealed import sealed, unsealed


class Manifests:
    """One of the folders: a file for each manifest, which holds the signature too.

    Args:
        store_root: folder of the store.
        kind: ``exported``, ``incoming`` or ``imported``.
    """

    def __init__(self, store_root: Path, kind: str) -> None:
        self._folder = store_root / kind

    def names(self) -> list[str]:
        """Return the names of all manifests in order."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def read(self, name: str) -> tuple[bytes, bytes]:
        """Return a manifest and its signature; raise CudepotError when they cannot be read or were changed."""
        path = self._folder / f"{name}.json"
        try:
            found = unsealed(path.read_bytes(), str(path))
            return str(found["manifest"]).encode(), str(found["signature"]).encode()
        except OSError as error:
            raise StorageError(f"{path}: cannot read the manifest of a bundle: {error.strerror}") from error
        except KeyError as error:
            raise FormatError(f"{path}: holds no {error}", hint="run `cudepot verify --repair`") from error

    def has(self, name: str) -> bool:
        """Tell whether there is a manifest of that name."""
        return (self._folder / f"{name}.json").is_file()

    def add(self, name: str, document: bytes, signature: bytes) -> None:
        """Keep a manifest and its signature."""
        both = sealed({"manifest": document.decode(), "signature": signature.decode()})
        write_atomic(self._folder / f"{name}.json", json.dumps(both, sort_keys=True).encode() + b"\n", mode=0o444)

    def remove(self, name: str) -> None:
        """Forget a manifest."""
        path = self._folder / f"{name}.json"
        with storage_errors(path):
            path.unlink(missing_ok=True)
