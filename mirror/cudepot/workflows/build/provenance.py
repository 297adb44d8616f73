"""Where built packages came from: the statements a site shows about them."""

from __future__ import annotations

from cudepot.catalog.lock import Lock
from cudepot.catalog.site_tops import PROVENANCE
from cudepot.depot.builds import BUILDER, Built, job_key, jobs_of, origins_of, recall
from cudepot.depot.depot import Workshop
from cudepot.digest import Digest
from cudepot.formats.release import Release
from cudepot.formats.sbom import Origin, statement


def provenance_tree(workshop: Workshop, lock: Lock) -> dict[str, Digest]:
    """Return path → content of the statements about all packages built here.

    Two artifacts of one release may make one package: its statement then names the artifacts of both.
    """
    made: dict[Built, tuple[Release, dict[str, Origin]]] = {}
    for job in jobs_of(lock):
        for one in recall(workshop.store, lock, job_key(workshop, lock, job)) or ():
            _, known = made.setdefault(one, (job.release, {}))
            known |= {f"{origin.filename} {origin.digest.sha256}": origin for origin in origins_of(lock, job)}
    return {
        f"{PROVENANCE}/{one.place(workshop.config.site.channel)}.json": workshop.store.add_bytes(
            statement(one.filename, one.digest, release, [known[key] for key in sorted(known)], BUILDER)
        )
        for one, (release, known) in made.items()
    }
