"""A site kind that only tests know: a file for each snapshot, with all that it shows. The contract at its plainest.

One row in the registry makes cudepot publish to it: ``tests/workflows/test_site_kinds.py``.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cudepot.catalog.fields import Table
from cudepot.digest import Digest
from cudepot.errors import MissingError, StorageError
from cudepot.ports import Needs, ObjectStore
from cudepot.sites.kind import Offering, Surroundings


class ShelfSite:
    """The folder ``root`` with ``1.json`` …, and ``shown`` and ``newest``, which hold a number each."""

    readers = 1
    linked = None

    def __init__(self, root: Path, store: ObjectStore) -> None:
        self.root, self._store, self.where = root, store, f"shelf {root}"
        self.root.mkdir(parents=True, exist_ok=True)

    def channel(self, name: str) -> ShelfSite:
        return ShelfSite(self.root / name, self._store)

    def current(self) -> int | None:
        return self._number("shown") or None

    def newest(self) -> int:
        return self._number("newest")

    def document(self, number: int) -> bytes:
        return self.snapshot(number).get("snapshot.json", b"")

    def write(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        files = dict(extra)
        for path, digest in tree.items():
            with self._store.open(digest) as handle:
                files[path] = handle.read()
        self.put(number, files)
        (self.root / "newest").write_text(str(max(self.newest(), number)))

    def room(self, number: int, tree: Mapping[str, Digest]) -> tuple[str, int]:
        return str(self.root), 0

    def switch(self, number: int) -> None:
        if not self._file(number).exists():
            raise StorageError(f"{self.where}: no snapshot {number}", hint="write it")
        (self.root / "shown").write_text(str(number))

    def prune(self, keep: int) -> list[int]:
        numbers = sorted(int(one.stem) for one in self.root.glob("*.json"))
        gone = [one for one in numbers[:-keep] if one != self.current()]
        for one in gone:
            self._file(one).unlink()
        return gone

    def announce(self, files: Mapping[str, bytes]) -> None:
        for path, data in files.items():
            (self.root / path.replace("/", "%2F")).write_bytes(data)

    def announced(self, path: str) -> bytes:
        file = self.root / path.replace("/", "%2F")
        return file.read_bytes() if file.exists() else b""

    def files(self, number: int) -> Iterator[str]:
        yield from self.snapshot(number)

    def open(self, number: int, path: str) -> BinaryIO:
        found = self.snapshot(number).get(path)
        if found is None:
            raise MissingError(f"{path}: not there", hint="write it")
        return io.BytesIO(found)

    def needs(self) -> Needs:
        return Needs()

    def mend(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        self.write(number, {path: one for path, one in tree.items() if self._store.has(one)}, extra)

    def snapshot(self, number: int) -> dict[str, bytes]:
        """Return all files of a snapshot; none where there is none."""
        file = self._file(number)
        kept = json.loads(file.read_text()) if file.exists() else {}
        return {path: base64.b64decode(text) for path, text in kept.items()}

    def put(self, number: int, files: Mapping[str, bytes]) -> None:
        """Make a snapshot hold just these files."""
        self._file(number).write_text(json.dumps({path: base64.b64encode(one).decode() for path, one in files.items()}))

    def _file(self, number: int) -> Path:
        return self.root / f"{number}.json"

    def _number(self, name: str) -> int:
        file = self.root / name
        return int(file.read_text()) if file.exists() else 0


@dataclass(frozen=True, slots=True)
class ShelfPlace:
    """What ``[site]`` says of a shelf: ``board``, its folder."""

    board: str
    public_url: str = ""
    has_links: bool = False
    dotted_names: bool = False

    def served_folder(self) -> None:
        return None

    def offer(self, around: Offering) -> None:
        return None

    def open(self, around: Surroundings) -> ShelfSite:
        with (around.base / "opened").open("a") as log:
            log.write(f"{self.board}\n")
        return ShelfSite(around.base / self.board, around.store)


def parse(table: Table) -> ShelfPlace:
    return ShelfPlace(table.text("board"))
