"""What a redistrib folder offers under the names that pins may mean."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Lock
from cudepot.depot.depot import Depot
from cudepot.kinds.redistrib.lock import newest_archives
from cudepot.kinds.rules.offer import Offer


def offers(depot: Depot, upstream: Upstream, lock: Lock) -> Iterator[Offer]:
    """Return what there is, no version older than the oldest that is locked."""
    oldest = min((Version(one.version) for one in lock.of(upstream.name)), default=None)
    for subdir, one in newest_archives(depot, upstream, oldest):
        yield Offer(one.component, one.version, subdir, one.digest.size, one.path)
