"""Names that were given to snapshots: ``tags.json`` of a store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cudepot.store.layout import TAGS
from cudepot.store.sealed_file import SealedFile


class Tags:
    """The names, in one file."""

    def __init__(self, store_root: Path) -> None:
        self._file = SealedFile(TAGS.at(store_root))

    def read(self) -> dict[str, int]:
        """Return name → number of the snapshot, in order of the names.

        Raises:
            FormatError: the file was changed since it was written: a name that is lost would be removed by `gc`.
        """
        found = self._file.read().get("tags", {}) if self._file.path.exists() else {}
        return {str(name): int(number) for name, number in sorted(found.items())}

    def write(self, tags: Mapping[str, int]) -> None:
        """Keep these names, and no others."""
        self._file.write({"tags": dict(tags)})
