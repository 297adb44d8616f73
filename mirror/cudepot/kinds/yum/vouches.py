"""How a repomd.xml, signed by an upstream or by the site, leads to rpms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cudepot.catalog.lock import Lock, LockedFile, LockedUpstream
from cudepot.depot.depot import Depot
from cudepot.digest import Digest, Promise
from cudepot.errors import FormatError
from cudepot.formats.primary import listing, listing_of_ours
from cudepot.formats.repomd import parse_repomd, parse_repomd_of_ours
from cudepot.kinds.kind import Reader
from cudepot.kinds.site_index import packages_of
from cudepot.kinds.yum.rules.mirror import METADATA_LIMIT, main_indexes
from cudepot.kinds.yum.rules.plan import ENDINGS
from cudepot.store.local import LocalStore

if TYPE_CHECKING:  # whole mirrors load this on each run
    from cudepot.catalog.site.bundle import SignedRoot
    from cudepot.catalog.site.snapshot import Snapshot
    from cudepot.kinds.rules.checked_clients import Checked

_TYPES = {"primary", "filelists", "other", *ENDINGS}
_OURS = Reader(listing_of_ours, METADATA_LIMIT)


class _Vouches:
    roots = ("repomd.xml",)

    def promises(self, path: str, text: bytes) -> Mapping[str, Digest | Promise]:
        return {one.href: one.promised for one in parse_repomd(text, path).records}

    def lists_packages(self, path: str, text: bytes) -> Callable[[str], bool]:
        record = parse_repomd(text, path).record("primary")
        return lambda index: record is not None and index == record.href  # whatever it is called

    def main_indexes(self, upstream: LockedUpstream) -> Sequence[LockedFile]:
        return main_indexes(upstream)

    def reader(self, path: str) -> Reader:  # noqa: ARG002
        return Reader(listing, METADATA_LIMIT)

    def offered(
        self,
        depot: Depot,
        path: str,
        root: Digest,
        verified: Mapping[SignedRoot, bytes],  # noqa: ARG002
        seen: set[Digest | Promise],  # noqa: ARG002
    ) -> set[Digest]:
        return _rpms(depot.store, path, root)

    def judge_upstreams(self, depot: Depot, lock: Lock) -> Iterator[Checked]:
        from cudepot.kinds.yum.clients_check import check_yum  # noqa: PLC0415 - `verify --clients` alone

        return check_yum(depot, lock)

    def judge_site(self, depot: Depot, snapshot: Snapshot) -> Iterator[Checked]:
        from cudepot.kinds.yum.clients_check import shown_yum  # noqa: PLC0415

        return shown_yum(depot.config, depot.keyring, depot.signing, snapshot)


VOUCHES = _Vouches()


def _rpms(store: LocalStore, path: str, digest: Digest) -> set[Digest]:
    records = parse_repomd_of_ours(store.read(digest), path).records
    strange = [one.type for one in records if one.type not in _TYPES]
    if strange:
        raise FormatError(f"has metadata of type {strange[0][:40]!r}")
    (primary,) = (one for one in records if one.type == "primary")
    return packages_of(store, _OURS, primary.promised, f"{path}: {primary.href}")
