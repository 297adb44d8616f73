"""``cudepot edge``: follow another site over HTTP, as ``bundle import`` takes in what comes on a medium.

The manifest the site signed says which snapshot it shows. Every object is fetched from the site by the path it has
there and believed by its hash alone; then the site's signature, the chain of snapshots and the upstreams' own
signatures decide, as for a bundle. What has arrived stays, so a cut line costs what was under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cudepot.catalog.site.bundle import Link, Manifest, parse_manifest
from cudepot.catalog.site.snapshot import Snapshot, parse_snapshot
from cudepot.catalog.site_tops import FOLLOW
from cudepot.depot.depot import Depot
from cudepot.depot.fetch import Wanted, fetch_each
from cudepot.depot.room import Need, Room, check_rooms, rooms, still_to_come
from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError, FormatError, MissingError, StaleError, TrustError
from cudepot.formats.bundle_tar import LIMITS, MANIFEST, SIGNATURE
from cudepot.openpgp import is_plain_armor
from cudepot.ports import Page, Source, Validators
from cudepot.store.layout import EDGE, INCOMING
from cudepot.store.sealed_file import SealedFile
from cudepot.workflows.bundle.finish import finish, snapshot_links
from cudepot.workflows.bundle.prove import Proved
from cudepot.workflows.edge.on_site import DOCUMENTS, beside

_TURNS = 3
"""How often one goes along with a site that shows something newer while it is being read."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What following a site did.

    Attributes:
        url: where the site is.
        number: the snapshot it shows.
        fresh: whether it was not here before.
        objects, bytes: what was fetched, or would be in a dry run.
        proved: what vouches for its packages.
        licences: sha256 of the licence texts that site accepted.
        room: of a dry run, what the store's disk would have to take.
    """

    url: str
    number: int
    fresh: bool
    objects: int = 0
    bytes: int = 0
    proved: tuple[Proved, ...] = ()
    licences: tuple[str, ...] = ()
    room: tuple[Room, ...] = ()


@dataclass(frozen=True, slots=True)
class _Head:
    """What the site says it shows, signed by its key."""

    manifest: Manifest
    document: bytes
    signature: bytes
    validators: Validators | None

    @property
    def name(self) -> str:
        """What the manifest is called in the store while it waits."""
        return Digest.of(self.document).sha256


def follow(depot: Depot, url: str, *, dry_run: bool = False) -> Followed:
    """Bring the snapshot that a site shows; one request where it shows the same as before.

    Args:
        depot: the depot of the edge; its configuration names the key of the site.
        url: where that site is, ending in a slash.
        dry_run: check what it shows and say what would be fetched; bring nothing.

    Raises:
        ConfigError: this project signs its own site, or the site has nothing for edges.
        StaleError: the site shows something older than what is here.
        TrustError: another site, another chain, or packages their upstream did not sign. Nothing new is shown then.
        UpstreamError: the site cannot be reached, or lacks what it says it has.
    """
    if not depot.config.site.origin:
        raise ConfigError(
            "this project signs its own site, so it cannot follow another",
            hint="create an edge's project with `cudepot init --from-site KEYFILE`",
        )
    source, memory = depot.elsewhere(url), SealedFile(depot.store.at(EDGE))
    known = _known(depot, url, memory)
    head = _head(depot, source, known)
    for turn in range(_TURNS):
        if head is None:
            return Followed(url, depot.store.snapshots.numbers()[-1], fresh=False)
        try:
            done = _bring(depot, source, url, head, dry_run=dry_run)
        except (MissingError, TrustError):
            newer = _head(depot, source.fresh(), None)
            if newer is None or newer.document == head.document or turn == _TURNS - 1:
                raise
            head = newer
            continue
        if not dry_run:
            _remember(memory, url, head)
        return done
    raise AssertionError("the last turn returns or raises")


def _known(depot: Depot, url: str, memory: SealedFile) -> Validators | None:
    """Return what makes the first request conditional: only while the snapshot it was about is the newest here."""
    document, numbers = memory.recall(), depot.store.snapshots.numbers()
    if document.get("url") != url or not numbers or document.get("number") != numbers[-1]:
        return None
    found = Validators(str(document.get("etag", "")), str(document.get("last-modified", "")))
    return found if any(found) else None


def _remember(memory: SealedFile, url: str, head: _Head) -> None:
    etag, modified = head.validators or Validators()
    memory.write({"url": url, "number": head.manifest.number, "etag": etag, "last-modified": modified})


def _head(depot: Depot, source: Source, known: Validators | None) -> _Head | None:
    """Read what the site says it shows; nothing of it is parsed before its signature was found good."""
    depot.progress.step("asking the site what it shows")
    page = _page(source, FOLLOW[0], LIMITS[MANIFEST], known)
    if page is None:
        return None
    signature = _page(source, FOLLOW[1], LIMITS[SIGNATURE], None)
    assert signature is not None
    try:
        depot.site_verifier().detached(page.body, signature.body, FOLLOW[0])
    except TrustError as error:
        raise error.retold(f"this is not the site that this edge follows: {error}") from error
    if not is_plain_armor(signature.body):
        raise FormatError(f"{FOLLOW[1]} was altered, although it still verifies", hint="ask who runs that site")
    return _Head(parse_manifest(page.body, FOLLOW[0]), page.body, signature.body, page.validators)


def _page(source: Source, path: str, limit: int, known: Validators | None) -> Page | None:
    try:
        return source.read(path, limit=limit, known=known)
    except MissingError as error:
        hint = "check the address: snapshot.json is there too; on the site it names, set `edges = true` in [site]"
        raise MissingError(f"{path}: not there: {error}", hint=hint) from error


def _bring(depot: Depot, source: Source, url: str, head: _Head, *, dry_run: bool) -> Followed:
    """Fetch what is missing of a snapshot, and let it in when everything about it holds."""
    # What carried it to that site, volumes and a base, is of no concern here: every object comes from the site itself.
    own = replace(head.manifest, base=Link(), volumes=(), pieces=(), unpacked=())
    manifest = replace(own, channels=(), promotion=0, records=None, tags=())
    if not _check_chain(depot, manifest):
        return Followed(url, manifest.number, fresh=False)
    snapshot = _snapshot(depot, source, manifest)
    missing = {path: one for path, one in _objects(manifest, snapshot).items() if not depot.store.has(one)}
    digests = set(missing.values())
    room = rooms([Need(depot.store.root, still_to_come(depot.store, digests))])
    came = len(digests), sum(one.size for one in digests)
    if dry_run:
        return Followed(url, manifest.number, True, *came, room=room)
    check_rooms(room)
    _fetch(depot, source, missing)
    depot.store.manifests(INCOMING).add(head.name, head.document, head.signature)
    done = finish(depot, {head.name: manifest}, {head.name})
    return Followed(url, manifest.number, True, *came, proved=done.proved, licences=done.licences)


def _check_chain(depot: Depot, manifest: Manifest) -> bool:
    """Return whether the snapshot is new here; refuse an older one, and one that does not follow what is here."""
    links = snapshot_links(depot.store)
    newest, chain = max(links, default=0), {one.number: one for one in (*manifest.chain, manifest.link)}
    if manifest.number < newest:
        raise StaleError(
            f"the site shows snapshot {manifest.number}, older than {newest}, which is here",
            hint=f"it was restored from a backup, rolled back, or somebody in between sends what it showed once; "
            f"`cudepot rollback {manifest.number}` shows the older one here",
        )
    last = max(links.keys() & chain.keys(), default=0)  # it names the one before by hash, and that the one before it
    if last and links[last] != chain[last]:
        raise TrustError(
            f"snapshot {manifest.number} of the site does not follow snapshot {newest} as it is here",
            hint="two sites sign with the same key, or that site lost its store: ask there before continuing",
        )
    return manifest.number not in links


def _snapshot(depot: Depot, source: Source, manifest: Manifest) -> Snapshot:
    """Fetch the snapshot's document and its signature, and return what it says after the signature was found good."""
    wanted = zip(DOCUMENTS, (manifest.document, manifest.signature), strict=True)
    _fetch(depot, source, dict(wanted))
    what = f"snapshot {manifest.number}"
    document = depot.store.read(manifest.document)
    depot.site_verifier().detached(document, depot.store.read(manifest.signature), what)
    return parse_snapshot(document, what)


def _objects(manifest: Manifest, snapshot: Snapshot) -> dict[str, Digest]:
    """Return everything a snapshot needs by its path on the site, the same bytes once."""
    by_digest = {one: path for path, one in {**snapshot.tree, **beside(manifest, snapshot)}.items()}
    return {path: one for one, path in by_digest.items()}


def _fetch(depot: Depot, source: Source, objects: Mapping[str, Digest]) -> None:
    failures = fetch_each([Wanted(source, *one) for one in objects.items()], depot.store, depot.progress)
    if failures:
        raise _worst([error for _, error in failures])


def _worst(errors: list[CudepotError]) -> CudepotError:
    """Return the error that tells most: what is not there, or is something else, before what was only cut."""
    return next((one for one in errors if isinstance(one, MissingError | TrustError)), errors[0])
