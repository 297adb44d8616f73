"""What was seen of an upstream's roots: for conditional requests, and against going back in time."""

from __future__ import annotations

import datetime
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, BinaryIO

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Root
from cudepot.digest import CHUNK, Digest
from cudepot.disk import storage_errors
from cudepot.ports import Page, Source, Validators
from cudepot.store.layout import TMP
from cudepot.store.local import LocalStore
from cudepot.store.upstream_memory import UpstreamMemory

_CHECK_EVERY = timedelta(days=1)
"""How long the verification of a root is remembered: a key may expire, or be revoked, under an unchanged root."""


@dataclass(slots=True)
class RootMemory:
    """What was seen of one upstream's roots: validators for conditional requests, dates against rollback.

    Kept as JSON in ``store/upstreams/``; losing it costs a few requests and the memory of dates. Roots accepted for
    the first time are also appended to ``store/roots.log``, as evidence that nobody went back or stood still.
    """

    store: LocalStore
    kept_in: UpstreamMemory
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    fresh: dict[Digest, bytes] = field(default_factory=dict)
    accepted: list[dict[str, Any]] = field(default_factory=list)
    asked: dict[str, tuple[Page, Digest]] = field(default_factory=dict)

    @classmethod
    def load(cls, store: LocalStore, upstream: Upstream) -> RootMemory:
        """Read the memory of an upstream; an unreadable one counts as empty."""
        memory = store.memory(upstream.name)
        return cls(store, memory, memory.pages())

    def read(self, source: Source, path: str, *, limit: int) -> tuple[Page, Digest]:
        """Return a root, from the store when the upstream says that nothing changed; :meth:`save` keeps it.

        It is asked for once: a second call gives what the first one found.
        """
        if path not in self.asked:
            self.asked[path] = self._ask(source, path, limit)
        return self.asked[path]

    def keep(self, source: Source, path: str, *, limit: int) -> tuple[Page, Digest]:
        """Do the same for a document of hundreds of megabytes: it is put into the store, and the page is empty."""
        if path not in self.asked:
            with storage_errors(self.store.root), tempfile.TemporaryFile(dir=self.store.at(TMP)) as spool:
                self.asked[path] = self._ask(source, path, limit, spool)
        return self.asked[path]

    def _ask(self, source: Source, path: str, limit: int, spool: BinaryIO | None = None) -> tuple[Page, Digest]:
        seen = self.pages.get(path, {})
        known, kept = _recall(self.store, seen)
        page = source.read(path, limit=limit, known=known, into=spool)
        if page is None and kept is not None:
            body = b"" if spool else self.store.read(kept)
            return Page(body, known, seen.get("type", ""), seen.get("url", "")), kept
        assert page is not None, "a source answers None only to a conditional request"
        if spool:
            spool.seek(0)
            digest = self.store.add(iter(partial(spool.read, CHUNK), b""))
        else:
            digest = Digest.of(page.body)
            self.fresh[digest] = page.body
        self.pages[path] = {**seen, **_remember(page, digest)}
        return page, digest

    def kept(self, path: str) -> tuple[bytes, Digest] | None:
        """Return a document as it was read last, without asking for it; None when the store has not got it."""
        seen = self.pages.get(path, {})
        try:
            digest = Digest(seen["sha256"], seen["size"])
        except (KeyError, TypeError):
            return None
        if not self.store.has(digest):
            return None
        return self.store.read(digest), digest

    def date(self, path: str) -> str:
        """Return the newest ``Date`` accepted for a root; empty when there was none."""
        return str(self.pages.get(path, {}).get("date", ""))

    def checked_lately(self, path: str, digest: Digest, trust: str, now: datetime.datetime) -> bool:
        """Return whether this very root was verified, with these very keys, less than a day ago, and still holds."""
        page = self.pages.get(path, {})
        if not trust or (page.get("accepted"), page.get("trust")) != (digest.sha256, trust):
            return False
        until = str(page.get("until", ""))
        age = now - _time(str(page.get("checked", "")))
        return timedelta() <= age < _CHECK_EVERY and (not until or now < _time(until))

    def accept(self, path: str, root: Root, upstream: Upstream, now: datetime.datetime, **checked: str) -> None:
        """Note that a root was accepted; ``path`` is what its date is remembered under.

        Args:
            path: as above.
            root: what was accepted.
            upstream: whose it is.
            now: the time.
            checked: ``trust``, a hash over the keys it was verified with, and ``until``, when it expires.
        """
        page = self.pages.setdefault(path, {})
        if page.get("accepted") != root.digest.sha256:
            self.accepted.append(
                {
                    "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
                    "upstream": upstream.name,
                    "url": upstream.url + root.path,
                    "sha256": root.digest.sha256,
                    "date": root.date,
                    "signers": list(root.signers),
                }
            )
        page |= {"date": root.date, "accepted": root.digest.sha256, "checked": f"{now:%Y-%m-%dT%H:%M:%SZ}", **checked}

    def unload(self) -> None:
        """Move what was read from memory into the store: documents that are known by their hashes, and many."""
        with self.store.gathering():
            self.store_fresh()
        self.asked.clear()

    def store_fresh(self) -> None:
        """Put what was read into the store, where it is nothing's until :meth:`save` names it."""
        for body in self.fresh.values():
            self.store.add_bytes(body)
        self.fresh.clear()

    def save(self) -> None:
        """Keep the roots that were read, log the new ones and write the memory: once they have proved good."""
        self.store_fresh()
        self.store.roots_log.append(self.accepted)
        self.accepted.clear()
        self.kept_in.keep_pages(self.pages)


def _time(text: str) -> datetime.datetime:
    """Return a time as the memory writes it; an unreadable one is long ago."""
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return datetime.datetime.min.replace(tzinfo=datetime.UTC)


def _recall(store: LocalStore, seen: dict[str, Any]) -> tuple[Validators | None, Digest | None]:
    try:
        kept = Digest(seen["sha256"], seen["size"])
        known = Validators(seen["etag"], seen["last_modified"])
    except (KeyError, TypeError):
        return None, None
    return (known, kept) if (known.etag or known.last_modified) and store.has(kept) else (None, None)


def _remember(page: Page, digest: Digest) -> dict[str, Any]:
    known = page.validators or Validators()
    return {
        "sha256": digest.sha256,
        "size": digest.size,
        "etag": known.etag,
        "last_modified": known.last_modified,
        "type": page.content_type,
        "url": page.url,
    }
