"""Decides whether what a site shows continues what an edge has: nothing goes back, and nothing is of another chain."""

from __future__ import annotations

from collections.abc import Sequence

from cudepot.catalog.site.bundle import Manifest, parse_manifest
from cudepot.catalog.site.shown import Shows
from cudepot.errors import StaleError, TrustError
from cudepot.store.layout import IMPORTED
from cudepot.store.local import LocalStore
from cudepot.workflows.bundle.finish import snapshot_links

ACCEPT = "cudepot edge --accept-new-chain"
_AGAIN = f"ask who runs that site; if it began again, or was restored from a backup, `{ACCEPT}` takes it as it is now"


def check_lineage(store: LocalStore, shows: Sequence[Shows], manifests: Sequence[Manifest]) -> None:
    """Refuse snapshots that do not continue those of an edge.

    Args:
        store: the edge's.
        shows: what the site says it shows.
        manifests: of those of them that are not here.

    Raises:
        TrustError: another chain: a snapshot of the same number differs, or none that is here is one of that site.
    """
    links, known = snapshot_links(store), _known(store, shows, manifests)
    common = links.keys() & known.keys()
    last = max(common, default=0)  # it names the one before by hash, and that the one before it
    if last and links[last].sha256 != known[last]:
        raise TrustError(
            f"snapshot {max(known)} of the site does not follow snapshot {max(links)} as it is here", hint=_AGAIN
        )
    if links and not common and any(one.chain for one in manifests):
        raise TrustError(f"the site knows none of the snapshots that are here, up to {max(links)}", hint=_AGAIN)


def check_not_older(newest: int, one: Shows) -> None:
    """Refuse that what is published first goes back: on the site a rollback there is a new snapshot.

    Raises:
        StaleError: it shows an older snapshot than ``newest``.
    """
    if one.snapshot.number < newest:
        raise StaleError(
            f"the site shows snapshot {one.snapshot.number}, older than {newest}, which is here",
            hint="it was restored from a backup, rolled back, or somebody in between sends what it showed once; "
            f"`cudepot rollback {one.snapshot.number}` shows the older one here, if it is here; {_AGAIN}",
        )


def of_another_chain(store: LocalStore, shows: Sequence[Shows], manifests: Sequence[Manifest]) -> tuple[int, ...]:
    """Return the snapshots of an edge that are none of the site's as it is now."""
    links, known = snapshot_links(store), _known(store, shows, manifests)
    return tuple(number for number in links if known.get(number) != links[number].sha256)


def _known(store: LocalStore, shows: Sequence[Shows], manifests: Sequence[Manifest]) -> dict[int, str]:
    """Return number → hash of the snapshots that a site names: in the chain of the newest, and in all else it says."""
    top, imported = max(one.snapshot.number for one in shows), store.manifests(IMPORTED)
    of_top = [one for one in manifests if one.number == top]
    if not of_top and imported.has(f"{top:06d}"):
        of_top = [parse_manifest(imported.read(f"{top:06d}")[0], f"manifest {top}")]
    known = {one.number: one.sha256 for manifest in of_top for one in manifest.chain}
    for link in (*(one.link for one in manifests), *(one.snapshot for one in shows)):
        if known.setdefault(link.number, link.sha256) != link.sha256:
            raise TrustError(f"the site shows a snapshot {link.number} that is not one of its own chain", hint=_AGAIN)
    return known
