"""A log of the store whose lines are JSON documents, each with a hash of itself: ``roots.log``, ``published.log``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cudepot.disk import append, write_atomic
from cudepot.errors import FormatError, StorageError
from cudepot.sealed import sealed, unsealed


class SealedLog:
    """A log in the file ``path``; one that is not there has no lines."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[bytes]:
        """Return the lines as they are; raise StorageError where they cannot be read."""
        try:
            return self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(
                f"{self.path}: {error.strerror}", hint="check the owner and mode of the store"
            ) from error

    def append(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Add a line for each document; raise StorageError where the disk refuses."""
        append(self.path, "".join(map(_line, documents)))

    def rewrite(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Write the log again, whole; raise StorageError where the disk refuses."""
        write_atomic(self.path, "".join(map(_line, documents)).encode())

    def faults(self) -> Iterator[tuple[int, str]]:
        """Give the number of each line that was changed since it was written, counted from 1, and what is wrong."""
        for number, line in enumerate(self.lines(), 1):
            try:
                unsealed(line, f"{self.path}, line {number}")
            except FormatError as error:
                yield number, str(error)

    def move_damaged(self, aside: Path) -> int:
        """Move the lines that were changed to the end of another file; return how many there were."""
        bad = {number for number, _ in self.faults()}
        if bad:
            lines = list(enumerate(self.path.read_bytes().splitlines(keepends=True), 1))
            old = aside.read_bytes() if aside.exists() else b""
            write_atomic(aside, old + b"".join(line for number, line in lines if number in bad))
            write_atomic(self.path, b"".join(line for number, line in lines if number not in bad))
        return len(bad)


def _line(document: Mapping[str, Any]) -> str:
    return json.dumps(sealed(document), sort_keys=True) + "\n"
