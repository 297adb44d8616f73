"""What upstreams offer under the names that pins may mean, whatever the pins say of versions: for `update`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from packaging.version import Version

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import Lock
from cudepot.depot.depot import Depot
from cudepot.depot.partly import UnmetError
from cudepot.depot.root_memory import RootMemory
from cudepot.depot.upstream_session import Asked
from cudepot.errors import CudepotError
from cudepot.kinds.rules.newer import Offer

KINDS = ("apt", "yum", "simple", "redistrib")
"""Types of upstreams that can have something newer; a folder or an installer is what it is."""


class Offered(NamedTuple):
    """What an upstream offers, and what was wrong with the rest of it."""

    offers: tuple[Offer, ...]
    error: CudepotError | None = None


def offers_of(depot: Depot, upstream: Upstream, lock: Lock) -> Offered:
    """Return what an upstream offers; each kind loads what it needs.

    Raises:
        CudepotError: it cannot be asked, or not be believed.
    """
    if upstream.type == "simple":
        return _wheels(depot, upstream)
    readers: Mapping[str, Callable[[Depot, Upstream, Lock], Iterator[Offer]]]
    readers = {"apt": _debs, "yum": _rpms, "redistrib": _archives}
    return Offered(tuple(readers[upstream.type](depot, upstream, lock)))


def _dates(lock: Lock, upstream: Upstream) -> dict[str, str]:
    """Return the dates of the roots that are locked: nothing older is looked at."""
    locked = lock.upstream(upstream.name)
    return {one.path: one.date for one in locked.roots} if locked else {}


def _debs(depot: Depot, upstream: Upstream, lock: Lock) -> Iterator[Offer]:
    from cudepot.catalog.name_globs import Names  # noqa: PLC0415
    from cudepot.kinds.apt.chain import Chain  # noqa: PLC0415
    from cudepot.kinds.apt.rules.pins import deb_pins  # noqa: PLC0415

    asked = Asked.of(depot, upstream)
    chain = Chain(depot, upstream, asked.source, asked.memory)
    suites = [chain.suite(suite, _dates(lock, upstream), rollback=False) for suite in upstream.suites]
    offers = chain.offers(suites)
    names, pins = Names(offers.names()), depot.pins_of(upstream)
    globs = dict.fromkeys(one.name for one in deb_pins(pins))
    for name in dict.fromkeys(name for glob in globs for name in names.fitting(glob)):
        for one in offers.named(name):
            yield Offer(one.name, one.version, one.architecture, one.promised.size, one.filename)


def _rpms(depot: Depot, upstream: Upstream, lock: Lock) -> Iterator[Offer]:
    from cudepot.kinds.yum.chain import YumChain  # noqa: PLC0415
    from cudepot.kinds.yum.subset import packages_of  # noqa: PLC0415

    asked = Asked.of(depot, upstream)
    chain = YumChain(depot, upstream, asked.source, asked.memory)
    for one in packages_of(chain, chain.root(_dates(lock, upstream), rollback=False)):
        if one.architecture in (*upstream.architectures, "noarch"):
            yield Offer(one.name, one.evr, one.architecture, one.promised.size, one.path)


def _wheels(depot: Depot, upstream: Upstream) -> Offered:
    from cudepot.kinds.unsigned_index import check_transport  # noqa: PLC0415
    from cudepot.kinds.wheels.lock import projects_of, read_pages, wanted  # noqa: PLC0415

    check_transport(upstream)
    wants = wanted(depot.pins_of(upstream))
    pages, errors = read_pages(depot, upstream, RootMemory.load(depot.store, upstream), wants)
    projects, broken = projects_of(upstream, wants, pages)
    error = UnmetError({**errors, **broken}, upstream.url) if errors or broken else None
    if error and not projects:
        raise error
    subdirs = list(dict.fromkeys(subdir for one in wants for subdir in one.pin.subdirs))
    offers = tuple(
        Offer(name, str(wheel.version), subdir, wheel.file.size or 0, wheel.file.url, wheel.withdrawn)
        for name, project in projects.items()
        for wheel in project.wheels()
        for subdir in subdirs
        if wheel.runs_on(subdir)
    )
    return Offered(offers, error)


def _archives(depot: Depot, upstream: Upstream, lock: Lock) -> Iterator[Offer]:
    from cudepot.kinds.redistrib.lock import newest_archives  # noqa: PLC0415

    oldest = min((Version(one.version) for one in lock.of(upstream.name)), default=None)
    for subdir, one in newest_archives(depot, upstream, oldest):
        yield Offer(one.component, one.version, subdir, one.digest.size, one.path)
