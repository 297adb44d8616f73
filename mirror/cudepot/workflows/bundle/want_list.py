"""``cudepot bundle missing``: what the far side lacks of the snapshots it has and of bundles that are not complete."""

from __future__ import annotations

from cudepot.catalog.config.config import Config
from cudepot.catalog.site.bundle import Want
from cudepot.depot.history import History
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.store.layout import INCOMING
from cudepot.store.local import LocalStore
from cudepot.workflows.bundle.finish import lacking, snapshot_links, waiting_manifests


def want(config: Config, store: LocalStore, history: History) -> Want:
    """Return the want-list to carry to the near side.

    Raises:
        ConfigError: this project mirrors no site.
    """
    origin = config.site.origin
    if not origin:
        raise ConfigError(
            "this project does not mirror a site, so it has nothing missing", hint="`cudepot sync` fetches"
        )
    links = snapshot_links(store)
    missing = {one for number in links for one in _missing(store, history, number)}
    pending = list(waiting_manifests(store.manifests(INCOMING))[0].values())
    missing |= {one for manifest in pending for one in lacking(store, manifest)}
    pieces = {part for manifest in pending for _, parts in manifest.pieces for part in parts}
    whole = {one for manifest in pending for one, parts in manifest.pieces if missing & set(parts)}
    heads = tuple(sorted({one.link for one in pending}, key=lambda one: one.number))
    return Want(origin, tuple(links.values()), heads, tuple(sorted(missing - pieces | whole)))


def _missing(store: LocalStore, history: History, number: int) -> list[Digest]:
    snapshot = history.find(number)
    return [one for one in {*snapshot.tree.values(), snapshot.lock} if not store.has(one)]
