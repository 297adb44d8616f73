"""The other sums of packages of a whole apt mirror, which apt compares beside sha256: a wrong one, and it refuses.

MD5, SHA-1 and SHA-512 together take three times as long as sha256, and prove nothing more. So of what was fetched only
the smallest packages are looked at, some megabytes of them: who computes such sums wrongly does so for all.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from cudepot.catalog.lock import LockedUpstream
from cudepot.digest import Digest, hasher
from cudepot.formats.apt_odd import SUMS, other_sums
from cudepot.kinds.apt.oddities import texts
from cudepot.store.local import LocalStore

BUDGET = 32 << 20
"""Bytes of packages that are hashed after one fetch."""
_MOST = 8  # packages are told
_FIELDS = {kind: name for name, kind in SUMS.items()}
_Sums = tuple[str, Digest, Mapping[str, str]]


def wrong_sums(store: LocalStore, upstream: LockedUpstream, fetched: Container[Digest]) -> list[str]:
    """Return a line for each package with a wrong sum beside its right sha256, of the smallest that were fetched."""
    with ThreadPoolExecutor() as pool:
        found = sorted(pool.map(lambda one: _wrong(store, one), _smallest(store, upstream, fetched)))
    found = [one for one in found if one]
    return [f"{upstream.name}: {one}, so apt refuses it: report it to the upstream" for one in found[:_MOST]] + (
        [f"{upstream.name}: {len(found) - _MOST} more packages have the same fault"] if len(found) > _MOST else []
    )


def _smallest(store: LocalStore, upstream: LockedUpstream, fetched: Container[Digest]) -> Iterator[_Sums]:
    every = [
        one
        for index, text in texts(store, upstream)
        for one in other_sums(text, f"{upstream.name}/{index.path}")
        if one[1] in fetched
    ]
    left = BUDGET
    for one in sorted(every, key=lambda one: (one[1].size, one[0])):
        left -= one[1].size
        if left < 0:
            return
        yield one


def _wrong(store: LocalStore, one: _Sums) -> str:
    path, digest, sums = one
    hashers = {kind: hasher(kind) for kind in sums}
    with store.open(digest) as handle:
        Digest.of_stream(handle, *hashers.values())
    wrong = [_FIELDS[kind] for kind, value in sums.items() if hashers[kind].hexdigest() != value]
    return f"{path} does not match its {' and '.join(wrong)} in the index" if wrong else ""
