"""What the store keeps of an upstream between runs, ``upstreams/NAME.json``: pages that were read, current faults.

Both are in one document: what is written of the one leaves the other alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cudepot.digest import Digest
from cudepot.errors import CudepotError
from cudepot.store.layout import UPSTREAMS
from cudepot.store.sealed_file import SealedFile

_FAULTS = "faults"  # beside the paths of pages, none of which is called so


class UpstreamMemory:
    """The memory of one upstream; an unreadable one counts as empty.

    Args:
        store_root: folder of the store.
        upstream: its name.
    """

    def __init__(self, store_root: Path, upstream: str) -> None:
        self._file = SealedFile(UPSTREAMS.at(store_root) / (upstream.replace("/", "%2F") + ".json"))

    def pages(self) -> dict[str, dict[str, Any]]:
        """Return what was noted of each page, by its path."""
        return {path: page for path, page in self._file.recall().items() if isinstance(page, dict)}

    def faults(self) -> list[dict[str, Any]]:
        """Return the current faults."""
        found = self._file.recall().get(_FAULTS)
        return found if isinstance(found, list) else []

    def keep_pages(self, pages: Mapping[str, Mapping[str, Any]]) -> None:
        """Note all pages again, where they are not as they were."""
        faults = self.faults()
        document = {**pages, **({_FAULTS: faults} if faults else {})}
        if document != self._file.recall():
            self._file.write(document)

    def keep_faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Note all faults again; without any there and none before, nothing is written."""
        if list(faults) != self.faults():
            self._file.write({**self.pages(), **({_FAULTS: list(faults)} if faults else {})})


def remembered_objects(store_root: Path) -> Iterator[Digest]:
    """Give the pages that conditional requests compare with, of all upstreams."""
    for path in UPSTREAMS.found(store_root):
        pages = SealedFile(path).recall().values()
        for page in pages:
            try:
                yield Digest(page["sha256"], page["size"])
            except (CudepotError, KeyError, TypeError):
                continue
