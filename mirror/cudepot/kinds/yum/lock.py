"""Resolve pins against a yum repository: verified repomd.xml → metadata by hash → chosen packages, or all of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from cudepot.catalog.faults import IndexMismatchError, IndexMissingError
from cudepot.catalog.lock import FileRole, LockedFile, LockedUpstream, Resolved
from cudepot.depot.request import request_hash
from cudepot.depot.upstream_session import ROOT_LIMIT, Asked
from cudepot.digest import Digest
from cudepot.errors import MissingError
from cudepot.formats.repomd import DOWNLOADED, PATH, Record
from cudepot.kinds.mirror import extras, mirrored, with_extras
from cudepot.kinds.unchanged import locked_dates
from cudepot.kinds.yum.chain import SIGNATURE, YumChain, YumRoot
from cudepot.kinds.yum.metadata_check import check_whole
from cudepot.kinds.yum.subset import subset

KEY = f"{PATH}.key"


def resolve_yum(
    asked: Asked,
    before: Resolved | None,
    *,
    rollback: bool,
    accepted: Sequence[str] = (),
) -> Resolved:
    """Return what the pins of a yum upstream mean now; ``before`` unchanged when its root is the same.

    ``accepted`` names packages of a whole mirror whose bytes may differ from those locked.

    Raises:
        UpstreamError: not reachable or inconsistent.
        TrustError: a signature, hash or date does not hold.
        PinError: a pin or a dependency is not available.
    """
    depot, upstream = asked.depot, asked.upstream
    chain = YumChain(depot, upstream, asked.source, asked.memory, asked.findings)
    root = chain.root(locked_dates(before[0] if before else None), rollback=rollback)
    chain.memory.save()
    request = request_hash(upstream, depot.config.pins_of(upstream))
    locked = LockedUpstream(upstream.name, upstream.type, upstream.url, request, (root.root,))
    unchanged = before and replace(before[0], external=(), files=(), metadata=(), replaced=()) == locked
    if before and unchanged and not asked.findings.again:
        return with_extras(chain, before[0], accepted), before[1]
    if upstream.whole:
        locked = mirrored(depot, replace(locked, files=_files(chain, root)), before, accepted, upstream.url)
    if not depot.config.pins_of(upstream):
        return locked, ()
    return subset(chain, root, locked, before[1] if before else ())


def _files(chain: YumChain, root: YumRoot) -> tuple[LockedFile, ...]:
    """Return every file of a whole repository but its packages, primary.xml as its first index; all are here then."""
    root.repomd.check_usable([*DOWNLOADED, *(one.type for one in root.repomd.unusable if not one.located)])
    records = sorted(root.repomd.records, key=lambda one: one.type != "primary")
    wanted = [one for one in records if one.type in DOWNLOADED]
    digests = chain.fetch_all(root, wanted) | _others(chain, root, [one for one in records if one not in wanted])
    check_whole(chain, wanted, digests)
    files = [LockedFile(PATH, FileRole.ROOT, root.root.digest)]
    files += [LockedFile(SIGNATURE, FileRole.ROOT, root.root.signature)] if root.root.signature else []
    with contextlib.suppress(MissingError):  # the key beside it, for clients; trusted by nobody here
        files.append(LockedFile(KEY, FileRole.ROOT, chain.memory.read(chain.source, KEY, limit=ROOT_LIMIT)[1]))
    files += [LockedFile(one.href, FileRole.INDEX, digests[one.type]) for one in records if one.type in digests]
    found = (*files, *extras(chain))
    chain.memory.save()
    return found


def _others(chain: YumChain, root: YumRoot, records: Sequence[Record]) -> dict[str, Digest]:
    """Bring metadata that dnf does without; say what is not available, or used."""
    found: dict[str, Digest] = {}
    left_out = [f"{one.type or 'a record'}: {one.error}" for one in root.repomd.unusable]
    for one in records:
        try:
            found[one.type] = chain.fetch(root, one)
        except (IndexMissingError, IndexMismatchError) as error:
            left_out.append(f"{one.type}: {error}")
    for told in left_out:
        chain.depot.progress.say(f"{chain.upstream.name}: left out, dnf works without it: {told}")
    return found
