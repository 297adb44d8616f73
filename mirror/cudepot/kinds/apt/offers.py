"""What an apt repository offers under the names that pins may mean."""

from __future__ import annotations

from collections.abc import Iterator

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Lock
from cudepot.catalog.name_globs import Names
from cudepot.depot.depot import Depot
from cudepot.depot.upstream_session import Asked
from cudepot.kinds.apt.chain import Chain
from cudepot.kinds.apt.rules.pins import deb_pins
from cudepot.kinds.apt.rules.settings import apt_settings
from cudepot.kinds.rules.offer import Offer
from cudepot.kinds.unchanged import locked_dates


def offers(depot: Depot, upstream: Upstream, lock: Lock) -> Iterator[Offer]:
    """Return what there is, whatever the pins say of versions; no root older than the locked one is looked at."""
    asked = Asked.of(depot, upstream)
    chain = Chain(depot, upstream, asked.source, asked.memory)
    suites = [
        chain.suite(suite, locked_dates(lock.upstream(upstream.name)), rollback=False)
        for suite in apt_settings(upstream).suites
    ]
    offered = chain.offers(suites)
    names, pins = Names(offered.names()), depot.config.pins_of(upstream)
    globs = dict.fromkeys(one.name for one in deb_pins(pins))
    for name in dict.fromkeys(name for glob in globs for name in names.fitting(glob)):
        for one in offered.named(name):
            yield Offer(one.name, one.version, one.architecture, one.promised.size, one.filename)
