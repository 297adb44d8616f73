"""A small document of a store in a file, replaced by one rename; who holds the store is the only one to do so."""

from __future__ import annotations

from pathlib import Path

from cudepot.digest import hexdigest
from cudepot.disk import storage_errors, write_atomic
from cudepot.ports import Edition


class FileDocument:
    """See :class:`cudepot.ports.Document`; its mark is its sha256."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def where(self) -> str:
        """The path."""
        return str(self._path)

    def read(self, known: Edition | None = None) -> Edition | None:
        """Return the document; None where there is none, ``known`` itself where that is the document still."""
        with storage_errors(self._path):
            try:
                body = self._path.read_bytes()
            except FileNotFoundError:
                return None
        return known if known is not None and known.body == body else Edition(body, hexdigest(body))

    def swap(self, body: bytes, over: Edition | None) -> Edition | None:
        """Write over the edition ``over``; return None, all unchanged, over any other.

        Raises:
            StorageError: the disk refuses.
        """
        if self.read(over) is not over:
            return None
        write_atomic(self._path, body)
        return Edition(body, hexdigest(body))
