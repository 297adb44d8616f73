"""Where a package's sha256 comes from: its index, an object that is here, or the bytes themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cudepot.catalog.lock import Artifact
from cudepot.digest import Digest, Promise
from cudepot.ports import Source
from cudepot.workflows.depot import Depot
from cudepot.workflows.fetch import fetch_promised


@dataclass(frozen=True, slots=True)
class Known:
    """What helps to learn digests: the upstream, and what was locked of it before."""

    depot: Depot
    source: Source
    before: Sequence[Artifact]

    def digest(self, path: str, promised: Digest | Promise) -> Digest:
        """Return the sha256 of a package; where its index has none, the bytes are fetched by what it has."""
        if isinstance(promised, Digest):
            return promised
        for one in self.before:
            if one.path == path and one.digest.size == promised.size and self.depot.store.has(one.digest):
                with self.depot.store.open(one.digest) as handle:
                    if promised.kept_by(handle):
                        return one.digest
        return fetch_promised(self.source, path, promised, self.depot.store, self.depot.progress)
