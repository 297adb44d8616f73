"""How a Release, signed by an upstream or by the site, leads to debs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cudepot.catalog.lock import Lock, LockedFile, LockedUpstream
from cudepot.depot.depot import Depot, SiteVerifier
from cudepot.digest import Digest, Promise
from cudepot.errors import FormatError
from cudepot.formats.apt_listing import listing, listing_of_ours
from cudepot.formats.apt_release import parse_release
from cudepot.kinds.apt.rules.indexes import INDEX_LIMIT
from cudepot.kinds.apt.rules.mirror import is_packages, is_sources, main_indexes
from cudepot.kinds.kind import Reader
from cudepot.kinds.site_index import packages_of
from cudepot.store.local import LocalStore

if TYPE_CHECKING:  # whole mirrors load this on each run
    from cudepot.catalog.site.bundle import SignedRoot
    from cudepot.catalog.site.snapshot import Snapshot
    from cudepot.kinds.rules.checked_clients import Checked

_FIELD = re.compile(rb"^([!-9;-~]+):", re.MULTILINE)
_OTHER_HASHES = {b"md5sum", b"sha1", b"sha512"}
_OURS = Reader(listing_of_ours, INDEX_LIMIT)


class _Vouches:
    roots = ("InRelease", "Release")

    def promises(self, path: str, text: bytes) -> Mapping[str, Digest | Promise]:
        return parse_release(text, path).promised()

    def lists_packages(self, path: str, text: bytes) -> Callable[[str], bool]:  # noqa: ARG002
        return is_packages

    def main_indexes(self, upstream: LockedUpstream) -> Sequence[LockedFile]:
        return main_indexes(upstream)

    def reader(self, path: str) -> Reader:
        if is_sources(path):
            from cudepot.formats.sources_listing import sources_listing  # noqa: PLC0415 - seldom

            return Reader(sources_listing, INDEX_LIMIT)
        return Reader(listing, INDEX_LIMIT)

    def offered(
        self, depot: Depot, path: str, root: Digest, verified: Mapping[SignedRoot, bytes], seen: set[Digest | Promise]
    ) -> set[Digest]:
        return (
            set()
            if _said_upstream(depot.store, path, root, verified)
            else _debs(depot.store, depot.site_verifier, path, root, seen)
        )

    def judge_upstreams(self, depot: Depot, lock: Lock) -> Iterator[Checked]:
        from cudepot.kinds.apt.clients_check import check_apt  # noqa: PLC0415 - `verify --clients` alone

        return check_apt(depot, lock)

    def judge_site(self, depot: Depot, snapshot: Snapshot) -> Iterator[Checked]:
        from cudepot.kinds.apt.clients_check import shown_apt  # noqa: PLC0415

        return shown_apt(depot, snapshot)


VOUCHES = _Vouches()


def _said_upstream(store: LocalStore, path: str, digest: Digest, verified: Mapping[SignedRoot, bytes]) -> bool:
    """Return whether a ``Release`` says what the upstream's own ``InRelease`` does, as in a whole mirror it has to."""
    if path.rpartition("/")[2] != "Release":
        return False
    text = store.read(digest)
    found = parse_release(text, path).fields
    said = [parse_release(signed, root.path).fields for root, signed in verified.items() if root.type == "apt"]
    return found in said and not _twice(text)


def _twice(text: bytes) -> bool:
    names = [name.lower() for name in _FIELD.findall(text)]
    return len(set(names)) != len(names)


def _debs(
    store: LocalStore, site_verifier: SiteVerifier, path: str, digest: Digest, seen: set[Digest | Promise]
) -> set[Digest]:
    """Return what a Release and its indexes name; those ``seen`` in its other form are not read again."""
    document = store.read(digest)
    inline = path.endswith("InRelease")
    text = site_verifier().clearsigned(document, path).text if inline else document
    if _twice(text) or {name.lower() for name in _FIELD.findall(text)} & _OTHER_HASHES:
        raise FormatError("has a duplicate field, or checksums other than SHA256")
    found: set[Digest] = set()
    for name, one in parse_release(text, path).promised().items():
        if name.rpartition("/")[2].partition(".")[0] != "Packages":
            raise FormatError(f"names {name[:80]!r}")
        found |= packages_of(store, _OURS, one, f"{path}: {name}") if one not in seen else set()
        seen.add(one)
    return found
