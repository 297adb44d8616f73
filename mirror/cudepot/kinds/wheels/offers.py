"""What a Python package index offers under the names that pins may mean."""

from __future__ import annotations

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.depot.depot import SourceOf
from cudepot.depot.partly import UnmetError
from cudepot.depot.root_memory import RootMemory
from cudepot.kinds.kind import Offered
from cudepot.kinds.rules.offer import Offer
from cudepot.kinds.unsigned_index import check_transport
from cudepot.kinds.wheels.lock import projects_of, read_pages, wanted
from cudepot.kinds.wheels.rules.entries import SPELLING
from cudepot.store.local import LocalStore


def offers(config: Config, store: LocalStore, source: SourceOf, upstream: Upstream) -> Offered:
    """Return what there is, whatever the pins say of versions."""
    check_transport(upstream)
    wants = wanted(config.pins_of(upstream))
    pages, errors = read_pages(source, upstream, RootMemory.load(store, upstream), wants)
    projects, broken = projects_of(upstream, wants, pages)
    error = UnmetError({**errors, **broken}, upstream.url) if errors or broken else None
    if error and not projects:
        raise error
    subdirs = list(dict.fromkeys(subdir for one in wants for subdir in one.pin.subdirs))
    found = tuple(
        Offer(name, str(wheel.version), subdir, wheel.file.size or 0, wheel.file.url, wheel.withdrawn)
        for name, project in projects.items()
        for wheel in project.wheels()
        for subdir in subdirs
        if wheel.runs_on(subdir)
    )
    return Offered(found, SPELLING, error)
