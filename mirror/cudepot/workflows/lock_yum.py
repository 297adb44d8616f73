"""Resolve pins against a yum repository: verified repomd.xml → metadata by hash → chosen packages, or all of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from cudepot.catalog.lock import Artifact, LockedFile, LockedUpstream
from cudepot.errors import MissingError
from cudepot.formats.repomd import PATH
from cudepot.workflows.asked import ROOT_LIMIT, Asked
from cudepot.workflows.depot import request_hash
from cudepot.workflows.lock_mirror import checked, extras, with_extras
from cudepot.workflows.subset_yum import subset
from cudepot.workflows.yum_chain import SIGNATURE, YumChain, YumRoot

KEY = f"{PATH}.key"


def resolve_yum(
    asked: Asked,
    before: tuple[LockedUpstream, tuple[Artifact, ...]] | None,
    *,
    rollback: bool,
    accepted: Sequence[str] = (),
) -> tuple[LockedUpstream, tuple[Artifact, ...]]:
    """Return what the pins of a yum upstream mean now; ``before`` unchanged when its root is the same.

    ``accepted`` names packages of a whole mirror whose bytes may differ from those locked.

    Raises:
        UpstreamError: not reachable or inconsistent.
        TrustError: a signature, hash or date does not hold.
        PinError: a pin or a dependency cannot be had.
    """
    depot, upstream = asked.depot, asked.upstream
    chain = YumChain(depot, upstream, asked.source, asked.memory, asked.findings)
    root = chain.root({one.path: one.date for one in before[0].roots} if before else {}, rollback=rollback)
    chain.memory.save(depot.store)
    request = request_hash(upstream, depot.pins_of(upstream))
    locked = LockedUpstream(upstream.name, upstream.type, upstream.url, request, (root.root,))
    unchanged = before and replace(before[0], external=(), files=(), metadata=(), replaced=()) == locked
    if before and unchanged and not asked.findings.again:
        return with_extras(chain, before[0], accepted), before[1]
    if upstream.whole:
        locked = checked(depot, replace(locked, files=_files(chain, root)), before, accepted, upstream.url)
    if not depot.pins_of(upstream):
        return locked, ()
    return subset(chain, root, locked, before[1] if before else ())


def _files(chain: YumChain, root: YumRoot) -> tuple[LockedFile, ...]:
    """Return every file of a whole repository but its packages, primary.xml as its first index; all are here then."""
    records = sorted(root.repomd.records, key=lambda one: one.type != "primary")
    digests = chain.fetch_all(root, records)
    files = [LockedFile(PATH, "root", root.root.digest)]
    files += [LockedFile(SIGNATURE, "root", root.root.signature)] if root.root.signature else []
    with contextlib.suppress(MissingError):  # the key beside it, for clients; trusted by nobody here
        files.append(LockedFile(KEY, "root", chain.memory.read(chain.depot, chain.source, KEY, limit=ROOT_LIMIT)[1]))
    files += [LockedFile(one.href, "index", digests[one.type]) for one in records]
    found = (*files, *extras(chain))
    chain.memory.save(chain.depot.store)
    return found
