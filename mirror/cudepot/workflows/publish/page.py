"""The site's page: what a tree holds, rendered; part of the tree, so it is made last and says number and date."""

from __future__ import annotations

from dataclasses import replace

from cudepot.catalog.ecosystems import CONDA, HeldKind
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.clients import INDEX, parse_clients
from cudepot.catalog.site.holdings import Held, SiteFacts, held_in
from cudepot.catalog.site.snapshot import Snapshot, Tree
from cudepot.catalog.site_tops import KEY, KEYRING, PROVENANCE
from cudepot.data import data_folder
from cudepot.depot.depot import Depot
from cudepot.digest import Digest
from cudepot.formats.sbom import cuda_stated
from cudepot.kinds.conda.channel import is_closed
from cudepot.store.local import LocalStore
from cudepot.workflows.publish.page_data import NO_CLIENTS, Clients
from cudepot.workflows.publish.page_text import render_page

PAGE = "index.html"
_PARTS = (PAGE, "page.css", "page.js")


def with_page(depot: Depot, lock: Lock, tree: Tree, number: int, created: str) -> dict[str, Digest]:
    """Return a tree with its page, which is stored; ``number`` and ``created`` are those of the snapshot it is for."""
    return {**_bare(tree), PAGE: depot.store.add_bytes(_page(depot, lock, tree, number, created))}


def is_page_of(depot: Depot, lock: Lock, tree: Tree, shown: Snapshot) -> bool:
    """Return whether a tree with its page, made for a snapshot's number and time, is what that snapshot shows."""
    if _bare(tree) != _bare(shown.tree):
        return False
    return Digest.of(_page(depot, lock, tree, shown.number, shown.created)) == shown.tree.get(PAGE)


def page_in(store: LocalStore, shown: Snapshot) -> dict[str, Digest] | None:
    """Return the page of a snapshot, path → content; None where the store has lost it."""
    page = shown.tree.get(PAGE)
    return {PAGE: page} if page and store.has(page) else None


def _bare(tree: Tree) -> dict[str, Digest]:
    return {path: digest for path, digest in tree.items() if path != PAGE}


def _page(depot: Depot, lock: Lock, tree: Tree, number: int, created: str) -> bytes:
    folder = data_folder("channel-config") / "page"
    parts = {name: (folder / name).read_text("utf-8") for name in _PARTS}
    bare = _bare(tree)
    site = site_facts(depot, lock, bare, number, created, depot.signer().fingerprint)
    return render_page(site, lock, bare, parts, _clients(depot.store, bare))


def _clients(store: LocalStore, tree: Tree) -> Clients:
    """Return what a tree has for clients; nothing where it was made before there was a list of it."""
    return Clients(*parse_clients(store.read(tree[INDEX]))) if INDEX in tree else NO_CLIENTS


def site_facts(depot: Depot, lock: Lock, tree: Tree, number: int, created: str, signer: str) -> SiteFacts:
    """Return what a tree holds for clients."""
    config = depot.config.site
    held = tuple(_with_cuda(depot.store, tree, one) for one in held_in(tree, lock))
    channel = f"{CONDA.room}/{config.channel}"
    closed = is_closed(depot.store, tree, channel)
    key, keyring = tree[KEY], tree[KEYRING]
    return SiteFacts(config.label, channel, number, created, signer, key, keyring, held, closed)


def _with_cuda(store: LocalStore, tree: Tree, one: Held) -> Held:
    """Return a package with the CUDA variant it was built from, which the name of a wheel need not say."""
    stated = tree.get(f"{PROVENANCE}/{one.path}.json") if one.kind == HeldKind.WHEEL else None
    if stated is None:
        return one
    return replace(one, cuda=cuda_stated(store.read(stated)))
