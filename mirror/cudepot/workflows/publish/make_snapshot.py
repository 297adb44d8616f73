"""Makes a tree a signed snapshot of the store, and shows a snapshot on the site."""

from __future__ import annotations

from pathlib import Path

from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.snapshot import Snapshot, Tree, render_snapshot
from cudepot.depot.depot import Depot
from cudepot.depot.published_names import record_names
from cudepot.depot.room import Need, Room, check_rooms, rooms
from cudepot.digest import Digest
from cudepot.errors import EulaError
from cudepot.ports import Site
from cudepot.store.snapshots import Snapshots


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
    snapshots.add(number, document, signer.detach(document))
    record_names(depot.store, depot.history)


def check_private(config: Config, site: Site) -> None:
    """Refuse a site that is marked public: NVIDIA's licence allows no passing on to the public; raise EulaError."""
    if config.site.public:
        raise EulaError(
            f"{site.where} is marked public (`public = true` in [site]): nothing is published there",
            hint="NVIDIA's licence does not allow redistributing its packages to the public: publish where only your "
            "organisation can read, and set `public = false`",
        )


def site_rooms(depot: Depot, number: int, tree: Tree) -> tuple[Room, ...]:
    """Return what writing a snapshot to the site takes of this machine's disks."""
    folder, size = depot.site().room(number, tree)
    return rooms([Need(Path(folder), size)])


def show_snapshot(depot: Depot, number: int, tree: Tree) -> None:
    """Write the snapshot and switch to it, unless this very snapshot is shown already; refuse a public site."""
    check_private(depot.config, depot.site())
    site = depot.site()
    document, signature = depot.store.snapshots.read(number)
    if site.current() == number and site.document(number) == document:
        return
    check_rooms(site_rooms(depot, number, tree))
    depot.progress.step(f"writing {len(tree):,} files to {site.where}")
    site.write(number, tree, {"snapshot.json": document, "snapshot.json.asc": signature})
    depot.progress.step(f"switching {site.where} to snapshot {number}")
    site.switch(number)
    depot.progress.step(f"removing old snapshots from {site.where}")
    site.prune(depot.config.site.keep)
