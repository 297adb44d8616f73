"""Makes a tree a signed snapshot of the store, and shows a snapshot on the site."""

from __future__ import annotations

from pathlib import Path

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.snapshot import Snapshot, Tree, render_snapshot
from cudepot.catalog.site_tops import FOLLOW
from cudepot.depot.depot import Depot
from cudepot.depot.object_lists import Signed, note_list
from cudepot.depot.published_names import record_names
from cudepot.depot.room import Need, Room, check_rooms, rooms
from cudepot.digest import Digest
from cudepot.errors import EulaError, MissingError
from cudepot.ports import Inspectable, Site
from cudepot.store.snapshots import Snapshots
from cudepot.workflows.edge.on_site import DOCUMENTS, OnSite, on_site


def next_number(site: Site, snapshots: Snapshots) -> int:
    """Return the number of a new snapshot: above all in the store and on the site."""
    return max(*snapshots.numbers()[-1:], 0, site.newest()) + 1


def keep_snapshot(
    depot: Depot,
    made_of: bytes,
    lock: Lock,
    number: int,
    tree: Tree,
    *,
    created: str,
    rollback: int = 0,
    channel: str = "",
) -> None:
    """Put a new signed snapshot into the store.

    Args:
        depot: the depot.
        made_of: the lock it shows, as a document.
        lock: the same as a value.
        number: of the snapshot.
        tree: path → content.
        created: when, see :func:`cudepot.depot.clock.timestamp`.
        rollback: number of the older snapshot it shows again.
        channel: the channel of the site that it is made for alone.
    """
    depot.progress.step(f"signing snapshot {number}")
    snapshots, signer = depot.store.snapshots, depot.signer()
    before = snapshots.numbers()[-1:]
    snapshot = Snapshot(
        number,
        created,
        signer.fingerprint,
        Digest.of(snapshots.read(before[0])[0]).sha256 if before else "",
        depot.store.add_bytes(made_of),
        lock.upstreams,
        tree,
        rollback,
        channel,
    )
    document = render_snapshot(snapshot)
    signed = Signed(snapshot, document, signer.detach(document))
    snapshots.add(number, document, signed.signature)
    record_names(depot.store, depot.history)
    note_list(depot.store, signed)


def check_private(config: Config, site: Site) -> None:
    """Refuse a site that is marked public: NVIDIA's licence allows no passing on to the public; raise EulaError."""
    if config.site.public:
        raise EulaError(
            f"{site.where} is marked public (`public = true` in [site]): nothing is published there",
            hint="NVIDIA's licence does not allow redistributing its packages to the public: publish where only your "
            "organisation can read, and set `public = false`",
        )


def site_rooms(site: Site, number: int, tree: Tree) -> tuple[Room, ...]:
    """Return what writing a snapshot to the site takes of this machine's disks."""
    folder, size = site.room(number, tree)
    return rooms([Need(Path(folder), size)])


def show_snapshot(depot: Depot, number: int, read: Snapshot | None = None) -> None:
    """Write the snapshot and switch to it, unless this very snapshot is shown already; refuse a public site.

    ``read``: the snapshot, where this run has it from the store, its signature checked.
    """
    check_private(depot.config, depot.site())
    site = depot.inspectable()
    whole = offered(depot, read or depot.history.find(number))
    if site.current() == number and is_there(site, whole):
        return
    write_on(depot, site, whole)
    switch_on(depot, site, number)


def write_on(depot: Depot, site: Site, whole: OnSite) -> None:
    """Write a snapshot to a site, or to one of its channels; what clients are shown stays as it is.

    Raises:
        StorageError: the disk has no room for it, or refuses.
        BusyError: another publisher is at work there.
    """
    number, tree = whole.snapshot.number, whole.snapshot.tree
    check_rooms(site_rooms(site, number, tree))
    depot.progress.step(f"writing {len(tree):,} files to {site.where}")
    site.write(number, tree, whole.extra)


def switch_on(depot: Depot, site: Site, number: int) -> None:
    """Show a snapshot that was written, and remove old ones; a store in a bucket is made sure of before.

    Raises:
        BusyError: another machine changed the store meanwhile, or publishes there.
        StorageError: there is no such snapshot, or not all of it.
    """
    depot.progress.step(f"switching {site.where} to snapshot {number}")
    depot.store.checkpoint()
    site.switch(number)
    depot.progress.step(f"removing old snapshots from {site.where}")
    site.prune(depot.config.site.keep)


def offered(depot: Depot, snapshot: Snapshot) -> OnSite:
    """Return a snapshot as the site is to have it, with what edges need of it signed where the site has edges."""
    if depot.config.site.edges:
        from cudepot.workflows.edge.offer import offer  # noqa: PLC0415 - few sites have edges

        offer(depot, snapshot)
    return on_site(depot.store, depot.config.site, snapshot)


def announced(depot: Depot) -> None:
    """Say to edges what the site shows now, where it has edges."""
    if depot.config.site.edges:
        from cudepot.workflows.edge.announce import announce  # noqa: PLC0415 - few sites have edges

        announce(depot)


def is_there(site: Inspectable, whole: OnSite) -> bool:
    """Return whether the site has this very snapshot, and for edges what it is to have."""
    number = whole.snapshot.number
    if site.document(number) != whole.extra[DOCUMENTS[0]]:
        return False
    try:
        return all(_holds(site, number, path, data) for path, data in whole.extra.items() if path in FOLLOW)
    except MissingError:
        return False


def _holds(site: Inspectable, number: int, path: str, data: bytes) -> bool:
    with site.open(number, path) as handle:
        return handle.read(len(data) + 1) == data
