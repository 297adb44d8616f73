"""``cudepot edge``: follow another site over HTTP, as ``bundle import`` takes in what comes on a medium.

What the site signed says which snapshots it shows, in which channel. Every object is fetched from the site by a path
it has there and believed by its hash alone; then the site's signature, the chain of snapshots and the upstreams' own
signatures decide, as for a bundle. What has arrived stays, so a cut line costs what was under way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cudepot.catalog.site.shown import Shows
from cudepot.catalog.site.snapshot import Snapshot, parse_snapshot
from cudepot.depot.depot import Depot
from cudepot.depot.fetch import Wanted, fetch_each
from cudepot.depot.room import Need, Room, check_rooms, rooms, still_to_come
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError, MissingError, TrustError
from cudepot.ports import Source, Validators
from cudepot.store.layout import IMPORTED, INCOMING, SHOWN
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile
from cudepot.workflows.bundle.finish import finish, snapshot_links
from cudepot.workflows.bundle.prove import Proved
from cudepot.workflows.bundle.shown_import import tell, told_of
from cudepot.workflows.edge.heard import Heard, check_date, overdue, recall, remember
from cudepot.workflows.edge.lineage import check_lineage, check_not_older, of_another_chain
from cudepot.workflows.edge.on_site import DOCUMENTS, beside
from cudepot.workflows.edge.records import Record, bring_records, check_channels
from cudepot.workflows.edge.told import Head, Told, TornError, ask, read_head
from cudepot_far.channels import Told as Said
from cudepot_far.channels import merged_tags

_TURNS = 3
"""How often one goes along with a site that shows something newer while it is being read."""
_PAUSE = 0.5
"""Seconds in which a site that is between a switch and what it says of it has said it."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What following a site did.

    Attributes:
        url: where the site is.
        number: the newest snapshot it shows in what is followed.
        fresh: whether something is new here: a snapshot, or what a channel shows.
        objects, bytes: what was fetched, or would be in a dry run.
        proved: what vouches for the packages of the newest that came.
        licences: sha256 of the licence texts that site accepted.
        room: of a dry run, what the store's disk would have to take.
        channels: channel → snapshot it shows there; none for a site without channels.
        promotions: how many records of promotions came.
        forgotten: snapshots of another chain that were given up for it.
        notes: what somebody has to look at: nothing was signed there for too long.
    """

    url: str
    number: int
    fresh: bool
    objects: int = 0
    bytes: int = 0
    proved: tuple[Proved, ...] = ()
    licences: tuple[str, ...] = ()
    room: tuple[Room, ...] = ()
    channels: Mapping[str, int] = field(default_factory=dict)
    promotions: int = 0
    forgotten: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def follow(depot: Depot, url: str, *, dry_run: bool = False, accept_new_chain: bool = False) -> Followed:
    """Bring what a site shows; one request where it says the same as before.

    Args:
        depot: the depot of the edge; its configuration names the key of the site, and the channels to follow.
        url: where that site is, ending in a slash.
        dry_run: check what it shows and say what would be fetched; bring nothing.
        accept_new_chain: give up the snapshots here that are none of that site's chain as it is now.

    Raises:
        ConfigError: this project signs its own site, or the site has nothing for edges, or other channels.
        StaleError: the site shows something older than what is here.
        TrustError: another site, another chain, or packages their upstream did not sign. Nothing new is shown then.
        UpstreamError: the site cannot be reached, or lacks what it says it has.
    """
    if not depot.config.site.origin:
        raise ConfigError(
            "this project signs its own site, so it cannot follow another",
            hint="create an edge's project with `cudepot init --from-site KEYFILE`",
        )
    heard, source = recall(depot.store), depot.elsewhere(url)
    told = ask(depot, source, heard, url)
    for turn in range(_TURNS):
        if told is None:
            break
        try:
            done, now = _taken(depot, source, told, heard, dry_run=dry_run, accept=accept_new_chain)
        except (MissingError, TrustError) as error:
            if isinstance(error, TornError):
                depot.sleep(_PAUSE)
            newer = ask(depot, source.fresh(), heard._replace(path=""), url)
            same = newer is None or (newer.is_as(told) and not isinstance(error, TornError))
            if same or turn == _TURNS - 1:
                raise
            told = newer
            continue
        if not dry_run:
            remember(depot.store, now._replace(url=url))
        return replace(done, url=url, notes=() if dry_run else tuple(overdue(depot.store, depot.clock)))
    channels = {name: number for name, number in dict(told_of(depot.store).channels).items() if name}
    newest, notes = max(heard.numbers), tuple(overdue(depot.store, depot.clock))
    return Followed(url, newest, fresh=False, channels=channels, notes=notes)


def _taken(
    depot: Depot, source: Source, told: Told, heard: Heard, *, dry_run: bool, accept: bool
) -> tuple[Followed, Heard]:
    """Bring what a site says it shows, and keep it when everything about it holds; return what to remember of it."""
    store, had = depot.store, dict(told_of(depot.store).channels)
    _check_age(depot, told, heard, accept=accept)
    new = {one.snapshot: one for one in told.shows if not _is_here(store, one)}
    heads = {one.number: read_head(depot.site_verifier, source, told, shows) for one, shows in new.items()}
    gone = _checked(store, told, heads, accept=accept)
    records, afresh = _records(depot, source, told, heard, accept=accept)
    snapshots = {number: _snapshot(depot, source, head) for number, head in heads.items()}
    missing = _missing(store, heads, snapshots)
    room = rooms([Need(store.root, still_to_come(store, set(missing.values())))])
    channels = {one.channel: one.snapshot.number for one in told.shows if one.channel}
    newest, size = max(one.snapshot.number for one in told.shows), sum(one.size for one in missing.values())
    fresh = bool(heads or gone) or channels != {name: had.get(name) for name in channels}
    done = Followed("", newest, fresh, len(missing), size, (), (), (), channels, len(records), gone)
    if dry_run:
        return replace(done, room=room), heard
    check_rooms(room)
    _fetch(depot, source, missing)
    for number in gone:
        _forget(store, number)
    if heads:
        for head in heads.values():
            store.manifests(INCOMING).add(head.name, head.document, head.signature)
        known = {head.name: head.manifest for head in heads.values()}
        came = finish(depot, known, known.keys(), older=True)
        done = replace(done, proved=came.proved, licences=came.licences)
    if afresh:
        for number in store.promotions.numbers():
            store.promotions.remove(number)
    return done, _kept(store, told, heard, records, channels)


def _missing(store: LocalStore, heads: Mapping[int, Head], snapshots: Mapping[int, Snapshot]) -> dict[str, Digest]:
    """Return what is not here of several snapshots by its path on the site, the same bytes once."""
    places = {one: path for number, head in heads.items() for path, one in _objects(head, snapshots[number]).items()}
    return {path: one for one, path in places.items() if not store.has(one)}


def _is_here(store: LocalStore, one: Shows) -> bool:
    links, number = snapshot_links(store), one.snapshot.number
    return number in links and links[number] == one.snapshot


def _check_age(depot: Depot, told: Told, heard: Heard, *, accept: bool) -> None:
    """Refuse what is older than what is here, by number or by date; a site that began again has newer dates."""
    first = told.shows[0]
    if not accept and (told.shown is None or first.channel in ("", *told.shown.channels[:1])):
        named = told.shown is not None and told.shown.channels
        newest = max(snapshot_links(depot.store), default=0)
        check_not_older(dict(told_of(depot.store).channels).get(first.channel, 0) if named else newest, first)
    if told.shown:
        check_date(heard, told.shown, depot.clock)


def _checked(store: LocalStore, told: Told, heads: Mapping[int, Head], *, accept: bool) -> tuple[int, ...]:
    """Return the snapshots that are to be given up; raise TrustError where what is shown does not continue them."""
    manifests = [head.manifest for head in heads.values()]
    if accept:
        return of_another_chain(store, told.shows, manifests)
    check_lineage(store, told.shows, manifests)
    return ()


def _records(
    depot: Depot, source: Source, told: Told, heard: Heard, *, accept: bool
) -> tuple[tuple[Record, ...], bool]:
    """Return the promotion records that are new, and whether they replace those that are here.

    They were found to say what the channels show.
    """
    if told.shown is None or not told.shown.channels:
        return (), False
    afresh, kept = False, depot.store.promotions
    try:
        records = bring_records(depot.site_verifier, source, told.shown, told.shows, kept)
    except TornError:
        raise
    except TrustError:
        if not accept:
            raise
        records, afresh = bring_records(depot.site_verifier, source, told.shown, told.shows, None), True
    if not accept:
        promoted = [one for one in told.shows if one.channel != told.shown.channels[0]]
        check_channels(promoted, dict(told_of(depot.store).channels), heard.records, records, kept)
    return records, afresh


def _forget(store: LocalStore, number: int) -> None:
    """Give up a snapshot of another chain; its objects stay until ``gc``."""
    store.snapshots.remove(number, link=False)
    if store.manifests(IMPORTED).has(f"{number:06d}"):
        store.manifests(IMPORTED).remove(f"{number:06d}")


def _kept(store: LocalStore, told: Told, heard: Heard, records: Sequence[Record], channels: Mapping[str, int]) -> Heard:
    """Keep records, names and what channels show, and return what to remember; the snapshots are here by now."""
    for one in records:
        store.promotions.add(one.value.number, one.document, one.signature)
    _tell(store, told, channels)
    now = heard._replace(
        path=told.path,
        validators=told.validators or Validators(),
        numbers=tuple(one.snapshot.number for one in told.shows),
        records={one.channel: one.record for one in told.shows if one.record},
    )
    if told.shown is None:
        return now
    SealedFile(store.at(SHOWN)).write({"document": told.document.decode(), "text": told.text.decode()})
    return now._replace(signed=told.shown.signed, until=told.shown.until)


def _tell(store: LocalStore, told: Told, channels: Mapping[str, int]) -> None:
    """Keep what channels show, and give the snapshots here the names they have there, beside those of one's own."""
    promotion, tags = (told.shown.promotion.number, told.shown.tags) if told.shown else (0, ())
    known, numbers = told_of(store), store.snapshots.numbers()
    said = Said(tuple(channels.items()), promotion, max(one.snapshot.number for one in told.shows), tags)
    named = merged_tags(store.tags.read(), known, said, numbers)
    if named != store.tags.read():
        store.tags.write(named)
    if said != known and (channels or tags or known.tags):
        tell(store, said)


def _snapshot(depot: Depot, source: Source, head: Head) -> Snapshot:
    """Fetch a snapshot's document and its signature, and return what it says after the signature was found good."""
    manifest = head.manifest
    paths = [f"{head.folder}{one}" for one in DOCUMENTS]
    _fetch(depot, source, dict(zip(paths, (manifest.document, manifest.signature), strict=True)))
    what = f"snapshot {manifest.number}"
    document = depot.store.read(manifest.document)
    depot.site_verifier().detached(document, depot.store.read(manifest.signature), what)
    return parse_snapshot(document, what)


def _objects(head: Head, snapshot: Snapshot) -> dict[str, Digest]:
    """Return everything a snapshot needs by its path on the site."""
    return {f"{head.folder}{path}": one for path, one in {**snapshot.tree, **beside(head.manifest, snapshot)}.items()}


def _fetch(depot: Depot, source: Source, objects: Mapping[str, Digest]) -> None:
    failures = fetch_each([Wanted(source, *one) for one in objects.items()], depot.store, depot.progress)
    if failures:
        raise _worst([error for _, error in failures])


def _worst(errors: list[CudepotError]) -> CudepotError:
    """Return the error that tells most: what is not there, or is something else, before what was only cut."""
    return next((one for one in errors if isinstance(one, MissingError | TrustError)), errors[0])
