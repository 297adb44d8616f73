"""Where a package's sha256 comes from: its index, an object that is here, or the bytes themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cudepot.catalog.lock import Artifact
from cudepot.depot.fetch import Unknown, fetch_promised, learn_each, summary
from cudepot.depot.promised import keeps
from cudepot.digest import Digest, Promise
from cudepot.ports import Progress, Source
from cudepot.store.local import LocalStore


class Known(NamedTuple):
    """What helps to learn digests: the upstream, and what was locked of it before."""

    store: LocalStore
    progress: Progress
    source: Source
    before: Sequence[Artifact]

    def learn(self, upstream: str, wanted: Iterable[tuple[str, Digest | Promise]]) -> None:
        """Fetch, several at once, the packages whose index has no sha256, unless they are here.

        Raises:
            CudepotError: some could not be had as promised; the others are kept.
        """
        pairs = [(path, one) for path, one in wanted if isinstance(one, Promise)]
        missing = [Unknown(upstream, path, one) for path, one in pairs if self._here(path, one) is None]
        if not missing:
            return
        failed = learn_each(missing, {upstream: self.source}, self.store, self.progress)
        if failed:
            raise summary([error for _, error in failed], len(missing), [one.path for one, _ in failed])

    def digest(self, path: str, promised: Digest | Promise) -> Digest:
        """Return the sha256 of a package; where its index has none, that of the bytes that keep its promise."""
        if isinstance(promised, Digest):
            return promised
        found = self._here(path, promised)
        return found or fetch_promised(self.source, path, promised, self.store, self.progress)

    def _here(self, path: str, promised: Promise) -> Digest | None:
        """Return what is known to keep a promise and is in the store."""
        noted = self.store.known_as(promised)
        if noted is not None and self.store.has(noted):
            return noted
        for one in self.before:
            alike = one.path == path and one.digest.size == promised.size and self.store.has(one.digest)
            if alike and keeps(self.store, one.digest, promised):
                self.store.note_promise(promised, one.digest)
                return one.digest
        return None
