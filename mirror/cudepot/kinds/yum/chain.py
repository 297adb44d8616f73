"""The chain of a yum repository: from repomd.xml and its signature by hash to the metadata, all of it verified."""

from __future__ import annotations

import email.utils
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from cudepot.catalog.faults import TORN, Fault, TornRootError
from cudepot.catalog.lock import Root
from cudepot.catalog.trust import check_date, newest_date
from cudepot.depot.broken_index import BrokenIndex
from cudepot.depot.fetch import Wanted, fetch_each, fetch_promised
from cudepot.depot.request import key_hash
from cudepot.depot.upstream_session import ROOT_LIMIT, Asked
from cudepot.digest import Digest
from cudepot.errors import MissingError, SignatureError, TrustError, UpstreamError
from cudepot.formats.compression import decompressed
from cudepot.formats.repomd import MIRRORS, PATH, Record, Repomd, parse_repomd
from cudepot.kinds.yum.rules.mirror import DOCUMENT_LIMIT, METADATA_LIMIT
from cudepot.kinds.yum.rules.settings import HASH_LOCK, yum_settings
from cudepot.ports import Page
from cudepot.store.local import LocalStore

SIGNATURE = f"{PATH}.asc"


class YumRoot(NamedTuple):
    """A verified repomd.xml."""

    repomd: Repomd
    root: Root


@dataclass(frozen=True, slots=True)
class YumChain(Asked):
    """The way from a yum upstream's root down to its metadata."""

    def root(self, locked: Mapping[str, str], *, rollback: bool) -> YumRoot:
        """Read, verify and accept repomd.xml; ``locked`` gives dates where the store is new.

        Raises:
            UpstreamError: not available.
            TrustError: not signed by a pinned key, or older than one seen before.
        """
        what = self.upstream.url + PATH
        page, digest = self._page()
        signers, signature = self._signed(page)
        repomd = parse_repomd(page.body, what)
        seen = newest_date(self.memory.date(PATH), locked.get(PATH, ""))
        date = repomd.date()
        if date is not None or not yum_settings(self.upstream).undated:
            check_date(date, what, now=self.depot.clock(), seen=seen, allow_rollback=rollback)
        told = email.utils.format_datetime(date, usegmt=True) if date else ""
        root = Root(PATH, digest, told, signers, signature)
        trust = key_hash(self.depot.base, self.upstream)
        self.memory.accept(PATH, root, self.upstream, self.depot.clock(), trust=trust, until="")
        return YumRoot(repomd, root)

    def _page(self) -> tuple[Page, Digest]:
        try:
            return self.memory.read(self.source, PATH, limit=ROOT_LIMIT)
        except MissingError as error:
            error.hint = f"{error.hint}; {MIRRORS}" if error.hint else MIRRORS
            raise

    def _signed(self, page: Page) -> tuple[tuple[str, ...], Digest | None]:
        """Return who signed repomd.xml, and the signature; nobody where its hash in the lock is to vouch for it.

        The signature kept from before is tried first: while nothing has changed it costs no request.
        """
        if yum_settings(self.upstream).trust == HASH_LOCK:
            return (), None
        verifier, what = self.depot.verifier(self.upstream), self.upstream.url + PATH
        kept = self.memory.kept(SIGNATURE)
        if kept is not None:
            try:
                return verifier.detached(page.body, kept[0], what).signers, kept[1]
            except TrustError:
                pass  # of another repomd.xml: what lies beside this one decides
        try:
            signature, digest = self.memory.read(self.source, SIGNATURE, limit=ROOT_LIMIT)
            return verifier.detached(page.body, signature.body, what).signers, digest
        except MissingError as error:
            raise self._unsigned(error) from error
        except SignatureError as error:
            raise TornRootError(str(error), hint=error.hint, fault=self._torn()) from error

    def _unsigned(self, error: MissingError) -> TrustError:
        return TornRootError(
            f"{self.upstream.url}{PATH}: no signature ({error})",
            hint='it may follow in a few minutes; an upstream that never signs needs `trust = "hash-lock"`',
            fault=self._torn(),
        )

    def _torn(self) -> Fault:
        """Return the fault of a root whose signature is another's; the times on both tell which one is late."""
        times = {"last_modified": PATH, "signature_modified": SIGNATURE}
        found = {name: self._modified(path) for name, path in times.items()}
        return Fault(TORN, self.upstream.url + PATH, {name: value for name, value in found.items() if value})

    def _modified(self, path: str) -> str:
        try:
            return self.source.about(path).modified
        except UpstreamError:
            return ""

    def fetch(self, root: YumRoot, record: Record) -> Digest:
        """Bring one file of the metadata into the store, and return its digest.

        Raises:
            IndexMissingError, IndexMismatchError: it is not there as repomd.xml means it.
        """
        try:
            return fetch_promised(self.source, record.href, record.promised, self.depot.store, self.depot.progress)
        except (TrustError, MissingError) as error:
            raise self._broken(root, record).error_for(error) from error

    def fetch_all(self, root: YumRoot, records: Sequence[Record]) -> dict[str, Digest]:
        """Bring several files into the store, at once where that can be done; return type → digest.

        Raises:
            IndexMissingError, IndexMismatchError: one of them is not there as repomd.xml means it.
        """
        named = {one.promised: one for one in records if isinstance(one.promised, Digest)}
        wanted = [Wanted(self.source, one.href, digest) for digest, one in named.items()]
        for failed, error in fetch_each(wanted, self.depot.store, self.depot.progress):
            if isinstance(error, (TrustError, MissingError)):
                raise self._broken(root, named[failed.digest]).error_for(error) from error
            raise error
        return {one.type: self.fetch(root, one) for one in records}

    def _broken(self, root: YumRoot, record: Record) -> BrokenIndex:
        return BrokenIndex(self.source, self.upstream.url, record.href, record.promised, "repomd.xml", root.root.date)


@contextmanager
def opened(store: LocalStore, digest: Digest, what: str, *, open_size: int = -1) -> Iterator[BinaryIO]:
    """Give the uncompressed bytes of a file of the metadata; they end where repomd.xml says, or in a FormatError."""
    limit = METADATA_LIMIT if open_size < 0 else min(open_size, METADATA_LIMIT)
    with store.open(digest) as handle, decompressed(handle, what, limit=limit) as text:
        yield text


def whole(store: LocalStore, digest: Digest, what: str, *, open_size: int = -1) -> bytes:
    """Return the uncompressed bytes of errata, groups or modules; raise FormatError where they are too many."""
    limit = DOCUMENT_LIMIT if open_size < 0 else min(open_size, DOCUMENT_LIMIT)
    with opened(store, digest, what, open_size=limit) as text:
        return text.read()
