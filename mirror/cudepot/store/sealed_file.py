"""One small JSON document of the store that carries a hash of itself: read or forgotten, written when it changed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cudepot.disk import storage_errors, write_atomic
from cudepot.errors import FormatError
from cudepot.sealed import sealed, unsealed


class SealedFile:
    """A document in a file.

    Args:
        path: of the file.
        indent: blanks a level is indented by; None for one line.
        mode: of the file.
        sort_keys: whether keys are sorted, or stay in the order they were given in.
    """

    def __init__(self, path: Path, *, indent: int | None = 1, mode: int = 0o644, sort_keys: bool = True) -> None:
        self.path = path
        self._indent, self._mode, self._sort_keys = indent, mode, sort_keys

    def read(self) -> dict[str, Any]:
        """Return the document.

        Raises:
            OSError: it cannot be read.
            FormatError: it was changed since it was written.
        """
        return unsealed(self.path.read_bytes(), str(self.path))

    def recall(self) -> dict[str, Any]:
        """Return the document; an empty one where there is none, or it does not hold."""
        try:
            return self.read()
        except (OSError, FormatError):
            return {}

    def write(self, document: Mapping[str, Any]) -> None:
        """Keep a document; one that is there already is not written again.

        Raises:
            StorageError: the disk is full, read-only or not permitted.
        """
        data = json.dumps(sealed(document), indent=self._indent, sort_keys=self._sort_keys).encode() + b"\n"
        with contextlib.suppress(OSError):
            if self.path.read_bytes() == data:
                return
        write_atomic(self.path, data, mode=self._mode)

    def forget(self) -> None:
        """Remove the document, if there is one; raise StorageError where the disk refuses."""
        with storage_errors(self.path):
            self.path.unlink(missing_ok=True)
