"""What a yum repository offers."""

from __future__ import annotations

from collections.abc import Iterator

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Lock
from cudepot.depot.depot import Depot
from cudepot.depot.upstream_session import Asked
from cudepot.kinds.rules.offer import Offer
from cudepot.kinds.unchanged import locked_dates
from cudepot.kinds.yum.chain import YumChain
from cudepot.kinds.yum.subset import packages_of


def offers(depot: Depot, upstream: Upstream, lock: Lock) -> Iterator[Offer]:
    """Return what there is, whatever the pins say of names and versions."""
    asked = Asked.of(depot, upstream)
    chain = YumChain(depot, upstream, asked.source, asked.memory)
    for one in packages_of(chain, chain.root(locked_dates(lock.upstream(upstream.name)), rollback=False)):
        if one.architecture in (*upstream.architectures, "noarch"):
            yield Offer(one.name, one.evr, one.architecture, one.promised.size, one.path)
