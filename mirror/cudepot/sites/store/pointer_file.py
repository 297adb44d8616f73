"""The pointer of a run: read once, and changed by compare-and-swap on what was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cudepot.catalog.site.pointer import Pointer, parse_pointer, render_pointer
from cudepot.errors import BusyError
from cudepot.ports import Document, Edition

TRIES = 20
"""How often a change is tried on what other machines have written meanwhile."""


class PointerFile:
    """What the site shows, for all channels of a run.

    Args:
        document: where it is.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._edition: Edition | None = None
        self._pointer: Pointer | None = None

    @property
    def where(self) -> str:
        """What people call it."""
        return self._document.where

    def read(self) -> Pointer:
        """Return the pointer as this run knows it; raise StorageError where it is damaged."""
        if self._pointer is None:
            self._edition = self._document.read()
            self._pointer = parse_pointer(self._edition.body, self.where) if self._edition else Pointer()
        return self._pointer

    def change(self, changed: Callable[[Pointer], Pointer]) -> None:
        """Write what ``changed`` makes of the pointer, unless that is the same; of a newer one where there is one.

        Raises:
            BusyError: others change it all the time.
        """
        for _ in range(TRIES):
            old = self.read()
            new = changed(old)
            if new == old:
                return
            new = replace(new, serial=old.serial + 1)
            if written := self._document.swap(render_pointer(new), self._edition):
                self._edition, self._pointer = written, new
                return
            self._pointer = None
        raise BusyError(f"{self.where}: other machines keep changing it", hint="run the command again")
