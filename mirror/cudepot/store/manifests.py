"""Manifests of bundles with their signatures: ``exported/``, ``incoming/`` and ``imported/`` of a store."""

from __future__ import annotations

from pathlib import Path

from cudepot.disk import storage_errors, write_atomic
from cudepot.errors import StorageError


class Manifests:
    """One of the folders; a manifest is complete when its signature is there.

    Args:
        store_root: folder of the store.
        kind: ``exported``, ``incoming`` or ``imported``.
    """

    def __init__(self, store_root: Path, kind: str) -> None:
        self._folder = store_root / kind

    def names(self) -> list[str]:
        """Return the names of all complete manifests in order."""
        return sorted(path.name.removesuffix(".json.asc") for path in self._folder.glob("*.json.asc"))

    def read(self, name: str) -> tuple[bytes, bytes]:
        """Return a manifest and its signature; raise StorageError when they cannot be read."""
        path = self._folder / f"{name}.json"
        try:
            return path.read_bytes(), path.with_suffix(".json.asc").read_bytes()
        except OSError as error:
            raise StorageError(f"{path}: cannot read the manifest of a bundle: {error.strerror}") from error

    def has(self, name: str) -> bool:
        """Tell whether there is a complete manifest of that name."""
        return (self._folder / f"{name}.json.asc").is_file()

    def add(self, name: str, document: bytes, signature: bytes) -> None:
        """Keep a manifest; the signature comes last."""
        write_atomic(self._folder / f"{name}.json", document, mode=0o444)
        write_atomic(self._folder / f"{name}.json.asc", signature, mode=0o444)

    def remove(self, name: str) -> None:
        """Forget a manifest; the signature goes first."""
        path = self._folder / f"{name}.json"
        with storage_errors(path):
            path.with_suffix(".json.asc").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
