"""The site's page: what a tree holds, rendered; part of the tree, so it is made last and says number and date."""

from __future__ import annotations

from cudepot.catalog.holdings import SiteFacts, held_in
from cudepot.catalog.lock import Lock
from cudepot.catalog.page import render_page
from cudepot.catalog.snapshot import Tree
from cudepot.data import data_folder
from cudepot.digest import Digest
from cudepot.workflows.channel import is_closed
from cudepot.workflows.depot import Depot

PAGE = "index.html"
_PARTS = (PAGE, "page.css", "page.js")


def with_page(depot: Depot, lock: Lock, tree: Tree, number: int, created: str) -> dict[str, Digest]:
    """Return a tree with its page; ``number`` and ``created`` are those of the snapshot it is for."""
    bare = {path: digest for path, digest in tree.items() if path != PAGE}
    folder = data_folder("channel-config") / "page"
    parts = {name: (folder / name).read_text("utf-8") for name in _PARTS}
    site = site_facts(depot, lock, bare, number, created, depot.signer().fingerprint)
    return {**bare, PAGE: depot.store.add_bytes(render_page(site, lock, bare, parts))}


def site_facts(depot: Depot, lock: Lock, tree: Tree, number: int, created: str, signer: str) -> SiteFacts:
    """Return what a tree holds for clients."""
    config = depot.config.site
    held = held_in(tree, lock)
    channel = f"conda/{config.channel}"
    closed = is_closed(depot, tree, channel)
    return SiteFacts(config.label, channel, number, created, signer, tree["keys/site.asc"], held, closed)
