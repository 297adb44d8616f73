"""``cudepot restore``: fetch again what a backup that was unpacked leaves to others, and show the same site."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cudepot.catalog.site.backup import Backup
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot
from cudepot.depot.fetch_locked import Missing, fetch_locked
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError
from cudepot.ports import Inspectable
from cudepot.signing.gpg import has_private_key, import_keys
from cudepot.workflows.edge.on_site import on_site
from cudepot.workflows.publish.from_site import from_site
from cudepot.workflows.publish.make_snapshot import is_there, switch_on, write_on


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What restoring did.

    Attributes:
        fetched, fetched_bytes: objects that came from the site or upstreams.
        lacking: what could not be fetched again, by a path of the site or of an upstream, and why.
        shown: channel → snapshot shown again.
        not_shown: channel → why it is not.
        notes: what is left to do.
    """

    fetched: int
    fetched_bytes: int
    lacking: tuple[str, ...]
    shown: Mapping[str, int]
    not_shown: Mapping[str, str]
    notes: tuple[str, ...]


def restore_keys(manifest: Backup, base: Path, gnupg: str) -> None:
    """Put the site's public keys where its signatures are checked; the private one is no part of most backups.

    A project that shows another machine's site has that one's key as a file.
    """
    if manifest.keys:
        import_keys(base / gnupg, manifest.keys.encode())


def complete(depot: Depot, manifest: Backup, *, wait: float) -> RestoreResult:
    """Fetch what the backup left out, from the site where that is still there, else from upstreams; show the site."""
    wanted = {one.digest: one for one in manifest.left if not depot.store.has(one.digest)}
    _from_site(depot, set(wanted))
    left = [one for one in wanted.values() if not depot.store.has(one.digest)]
    known = {one.name for one in depot.config.upstreams}
    files = [Missing(*one) for one in left if one.upstream in known]
    refused = fetch_locked(depot, {one.upstream: None for one in files}, files, wait=wait)
    failed = {one.path: str(one.error) for one in refused}
    lacking = [one for one in wanted.values() if not depot.store.has(one.digest)]
    came = [one for one in wanted if depot.store.has(one)]
    shown, not_shown = _shown(depot, manifest)
    told = tuple(f"{one.upstream}: {one.path}: {failed.get(one.path, 'no upstream of that name')}" for one in lacking)
    return RestoreResult(len(came), sum(one.size for one in came), told, shown, not_shown, tuple(_notes(depot)))


def _from_site(depot: Depot, wanted: set[Digest]) -> None:
    """Bring back what the site still shows: a bucket outlives the machine that filled it."""
    for name in depot.config.site.channels or ("",):
        with contextlib.suppress(CudepotError):  # a site that cannot be read has nothing for us
            site = depot.in_channel(name).inspectable()
            number = site.current()
            if number in depot.history.numbers():
                _files_of(depot, site, depot.history.load(number), wanted)


def _files_of(depot: Depot, site: Inspectable, shown: Snapshot, wanted: set[Digest]) -> None:
    paths = {digest: path for path, digest in shown.tree.items() if digest in wanted}
    for digest, path in paths.items():
        if not depot.store.has(digest):
            from_site(depot.store, site, shown, path, digest)


def _shown(depot: Depot, manifest: Backup) -> tuple[dict[str, int], dict[str, str]]:
    """Show what each channel showed; return those that show it, and why others do not."""
    shown: dict[str, int] = {}
    failed: dict[str, str] = {}
    for channel, number in sorted(manifest.shown.items()):
        try:
            _show(depot.in_channel(channel).inspectable(), depot, number)
            shown[channel] = number
        except CudepotError as error:
            failed[channel] = str(error)
    return shown, failed


def _show(site: Inspectable, depot: Depot, number: int) -> None:
    if number not in depot.history.numbers():  # it was left to a bucket
        raise ConfigError(f"{depot.store.elsewhere or depot.store.root} has no snapshot {number}", hint="")
    whole = on_site(depot.store, depot.config.site, depot.history.load(number))
    now = site.current()
    if now == number and is_there(site, whole):
        return
    if now is not None and now != number and now in depot.history.numbers():  # it went on, or outlived the machine
        raise ConfigError(f"it shows snapshot {now}, and {number} when it was saved: left as it is", hint="")
    missing = [path for path, digest in whole.snapshot.tree.items() if not depot.store.has(digest)]
    if missing:
        raise ConfigError(f"{len(missing)} files of snapshot {number} are lost, {missing[0]} for one", hint="")
    write_on(depot, site, whole)
    switch_on(depot, site, number)


def _notes(depot: Depot) -> Iterator[str]:
    """Give a line for each thing that only somebody can do."""
    site = depot.config.site
    if site.key and not has_private_key(depot.base / site.gnupg, site.key):
        home = depot.base / site.gnupg
        yield f"the private key is not here, so nothing can be published: gpg --homedir {home} --import FILE"
    for one in depot.config.upstreams:
        if one.path and not (depot.base / one.path).exists():
            yield f"{one.name}: {one.path} is not here: put the folder back before the next `cudepot lock`"
