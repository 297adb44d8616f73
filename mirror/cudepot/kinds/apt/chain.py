"""The chain of an apt repository: from the signed root by hash to the indexes. Nothing in it is used unverified."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import NamedTuple

from cudepot.catalog.lock import Root
from cudepot.catalog.trust import check_release, newest_date, readable_date
from cudepot.depot.broken_index import BrokenIndex
from cudepot.depot.fetch import fetch_promised
from cudepot.depot.request import key_hash
from cudepot.depot.upstream_session import ROOT_LIMIT, Asked, remembered_as
from cudepot.digest import Digest, Promise
from cudepot.errors import CudepotError, FormatError, MissingError, PinError, TrustError
from cudepot.formats.apt import PackageIndex
from cudepot.formats.apt_release import Release, parse_release
from cudepot.formats.apt_scan import ScannedIndex
from cudepot.formats.compression import decompressed
from cudepot.kinds.apt.evidence import release_beside
from cudepot.kinds.apt.rules.indexes import INDEX_LIMIT, index_names
from cudepot.kinds.apt.rules.mirror import FORMS
from cudepot.kinds.apt.rules.offers import Offers
from cudepot.kinds.apt.rules.settings import apt_settings, moment
from cudepot.paths import safe_name
from cudepot.ports import Signed
from cudepot.signing.cleartext import check_detached


class Suite(NamedTuple):
    """One verified Release: where its indexes are and what it says."""

    folder: str
    release: Release
    root: Root


@dataclass(frozen=True, slots=True)
class Chain(Asked):
    """The way from an upstream's signed roots down to its indexes."""

    def suite(self, suite: str, locked: Mapping[str, str], *, rollback: bool) -> Suite:
        """Read, verify and accept the root of one suite; ``locked`` gives dates where the store is new."""
        folder = flat_folder(suite) if suite.endswith("/") else f"dists/{safe_name(suite)}/"
        signed, path, digest, signature = self._root(folder)
        release = parse_release(signed.text, self.upstream.url + path)
        before = [locked.get(folder + name, "") for name in ("InRelease", "Release")]
        self._check_date(release, path, before, rollback=rollback)
        date = release.fields["Date"] if readable_date(release) else ""
        root = Root(path, digest, date, signed.signers, signature)
        self._accept(root, release)
        return Suite(folder, release, root)

    def _check_date(self, release: Release, path: str, before: Sequence[str], *, rollback: bool) -> None:
        """Refuse a root that is older than one seen here, or than those of the dates ``before``."""
        seen = newest_date(self.memory.date(remembered_as(path)), *before)
        own = apt_settings(self.upstream)
        now, must = moment(own) or self.depot.clock(), not own.undated
        check_release(release, self.upstream.url + path, now=now, seen=seen, allow_rollback=rollback, dated=must)

    def _accept(self, root: Root, release: Release) -> None:
        """Remember an accepted root: the keys it was verified with, and when it expires."""
        end, trust = release.valid_until(), key_hash(self.depot.base, self.upstream)
        until = end.astimezone(UTC).isoformat() if end else ""
        dated, now = remembered_as(root.path), self.depot.clock()
        self.memory.accept(dated, root, self.upstream, now, trust=trust, until=until)

    def _root(self, folder: str) -> tuple[Signed, str, Digest, Digest | None]:
        """Read and verify InRelease; where there is none (NVIDIA's oldest), Release with Release.gpg."""
        path = f"{folder}InRelease"
        try:
            page, digest = self.memory.read(self.source, path, limit=ROOT_LIMIT)
        except MissingError as missing:
            return self._detached_root(f"{folder}Release", missing)
        verifier = self.depot.verifier(self.upstream)
        return verifier.clearsigned(page.body, self.upstream.url + path), path, digest, None

    def _detached_root(self, path: str, missing: MissingError) -> tuple[Signed, str, Digest, Digest | None]:
        try:
            page, digest = self.memory.read(self.source, path, limit=ROOT_LIMIT)
            signature, signed_by = self.memory.read(self.source, path + ".gpg", limit=ROOT_LIMIT)
        except MissingError:
            raise missing from None
        verifier = self.depot.verifier(self.upstream)
        check_detached(signature.body, f"{self.upstream.url}{path}.gpg")
        signed = verifier.detached(page.body, signature.body, self.upstream.url + path)
        return signed, path, digest, signed_by

    def offers(self, suites: list[Suite]) -> Offers:
        """Return what all indexes offer that clients with the upstream's settings read."""
        found = list(self._indexes(suites, self.upstream.architectures))
        return Offers([PackageIndex(text, place) for place, text in found], [place for place, _ in found])

    def scanned(self, suites: Sequence[Suite], architecture: str) -> list[ScannedIndex]:
        """Return the indexes that a client of one architecture reads, for who looks at few packages."""
        return [ScannedIndex(text, place) for place, text in self._indexes(suites, (architecture,))]

    def _indexes(self, suites: Sequence[Suite], architectures: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Give the indexes that clients read, each as its place and text."""
        for suite in suites:
            for name in index_names(apt_settings(self.upstream).components, architectures, suite.release):
                yield f"{suite.folder}{name}", self._index_text(suite, name)

    def _index_text(self, suite: Suite, name: str) -> bytes:
        """Return an index from the first of its forms that is there as the signed Release means it.

        The forms are one index in several compressions; whichever comes hangs from the same signature.
        """
        listed = suite.release.promised()
        forms = [name + form for form in FORMS if name + form in listed]
        failed: list[tuple[str, TrustError | MissingError | FormatError]] = []
        for form in forms:
            try:
                return self._unpacked(suite, name, form)
            except (TrustError, MissingError, FormatError) as error:
                failed.append((form, error))
        if not failed:
            raise PinError(
                f"{self.upstream.url}{suite.folder}{name}: not in the signed Release",
                hint=f"check `components` and `architectures`; the Release lists {', '.join(sorted(listed)[:6])} …",
            )
        form, first = failed[0]
        raise first if isinstance(first, FormatError) else self._diagnosed(suite, form, first)

    def _unpacked(self, suite: Suite, name: str, form: str) -> bytes:
        """Fetch one form of an index; raise FormatError where it is another than the plain one that is promised."""
        digest, promised = self.fetch_form(suite, form), suite.release.promised().get(name)
        what = f"{self.upstream.url}{suite.folder}{name}"
        limit = min(promised.size, INDEX_LIMIT) if promised else INDEX_LIMIT
        with self.depot.store.open(digest) as handle, decompressed(handle, what, limit=limit) as text:
            data = text.read()
        if promised and not promised.kept_by(io.BytesIO(data)):
            raise FormatError(
                f"{self.upstream.url}{suite.folder}{form}: does not unpack to the {name} that the signed Release names",
                hint="the upstream is at fault: report it there",
            )
        return data

    def fetch_form(self, suite: Suite, path: str) -> Digest:
        """Fetch one index: by its hash where the Release offers that, else, or where it is not there, by its name."""
        promised, store, progress = suite.release.promised()[path], self.depot.store, self.depot.progress
        hashed = by_hash(suite.release, path, promised)
        if hashed != path:
            with contextlib.suppress(MissingError):
                return fetch_promised(self.source, suite.folder + hashed, promised, store, progress)
        return fetch_promised(self.source, suite.folder + path, promised, store, progress)

    def _diagnosed(self, suite: Suite, path: str, error: TrustError | MissingError) -> CudepotError:
        """Return the error that says which fault it is, with what shows it."""
        promised = suite.release.promised()[path]
        served = suite.folder + by_hash(suite.release, path, promised)
        broken = BrokenIndex(self.source, self.upstream.url, served, promised, "Release", suite.root.date)
        return broken.error_for(error, lambda found: release_beside(self.source, suite.folder, path, found))


def flat_folder(suite: str) -> str:
    """Return the folder of a flat repository's roots below its URL, with a slash at the end; empty for ``/``."""
    folder = suite.strip("/")
    return f"{safe_name(folder)}/" if folder not in ("", ".") else ""


def by_hash(release: Release, path: str, promised: Digest | Promise) -> str:
    """Return the path of an index by its hash, where the Release offers that; else its plain path."""
    if not release.is_by_hash:
        return path
    folder = path.rpartition("/")[0]
    name = f"SHA256/{promised.sha256}" if isinstance(promised, Digest) else f"SHA512/{promised.sha512}"
    return f"{folder}/by-hash/{name}".lstrip("/")
