"""The objects of a store in a folder, for those who only read: nothing is held, hashed or written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from cudepot.digest import Digest
from cudepot.errors import MissingError
from cudepot.store.document import FileDocument
from cudepot.store.layout import OBJECTS, SITE


class FolderObjects:
    """See :class:`cudepot.ports.Objects`.

    Args:
        root: folder of the store.
    """

    def __init__(self, root: Path) -> None:
        self._objects, self.pointer = OBJECTS.at(root), FileDocument(SITE.at(root))

    def open(self, digest: Digest, start: int = 0, stop: int | None = None) -> BinaryIO:  # noqa: ARG002
        """Open an object from byte ``start`` on; raise MissingError when it is not there with its size."""
        path = self._objects / digest.sha256[:2] / digest.sha256
        try:
            handle = path.open("rb")
        except OSError as error:
            raise MissingError(f"{path}: {error.strerror}", hint="run `cudepot verify`") from error
        if os.fstat(handle.fileno()).st_size != digest.size:
            handle.close()
            raise MissingError(f"{path}: not of {digest.size} bytes", hint="run `cudepot verify`")
        handle.seek(start)
        return handle
