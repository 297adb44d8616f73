"""When a wheel was published here first, for those of which no upstream says when they came to its index.

Resolvers that are told to look at nothing newer than a day (``uv --exclude-newer``, ``pip --uploaded-prior-to``) find
nothing on an index without such times. A wheel keeps its time from snapshot to snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence

from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.clock import timestamp
from cudepot.depot.depot import Clock
from cudepot.digest import Digest
from cudepot.errors import CudepotError
from cudepot.formats.simple import JSON_TYPE, parse_page, rfc3339
from cudepot.store.local import LocalStore


class FirstPublished:
    """Looks wheels up in the snapshots before this one.

    Args:
        store: has the pages of those snapshots.
        clock: tells the time.
        earlier: the newest first.
    """

    def __init__(self, store: LocalStore, clock: Clock, earlier: Sequence[Snapshot]) -> None:
        self._store, self._clock, self._earlier = store, clock, earlier
        self._pages: dict[Digest, dict[str, str]] = {}

    def time(self, project: str, filename: str, digest: Digest) -> str:
        """Return when a wheel was published first, as far as snapshots tell; the time now where none has it."""
        found = ""
        for one in self._earlier:
            if one.tree.get(f"wheels/{filename}") == digest:
                if noted := self._noted(one, project).get(filename):
                    return min(noted, rfc3339(timestamp(self._clock)))  # a clock that was wrong once does not last
                found = one.created
        return min(rfc3339(found), rfc3339(timestamp(self._clock))) if found else rfc3339(timestamp(self._clock))

    def _noted(self, snapshot: Snapshot, project: str) -> dict[str, str]:
        """Return the times on a project's page; none where the page, or the store's copy of it, is of before them."""
        path = f"simple/{project}/index.json"
        page = snapshot.tree.get(path)
        if page is None:
            return {}
        if page not in self._pages:
            self._pages[page] = self._read(page, path)
        return self._pages[page]

    def _read(self, page: Digest, path: str) -> dict[str, str]:
        try:
            files = parse_page(self._store.read(page), JSON_TYPE, f"https://site.invalid/{path}")
        except CudepotError:
            return {}
        return {one.filename: one.uploaded for one in files}
