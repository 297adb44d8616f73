"""Reads what a site says to its edges: signed documents, of which nothing is parsed before the signature is good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from cudepot.catalog.config.site import Site
from cudepot.catalog.site.bundle import Link, Manifest, parse_manifest
from cudepot.catalog.site.shown import LIMIT, Shown, Shows, parse_shown
from cudepot.catalog.site_tops import FOLLOW, SHOWN
from cudepot.depot.depot import Depot, SiteVerifier
from cudepot.digest import Digest
from cudepot.errors import ConfigError, FormatError, MissingError, StaleError, TrustError
from cudepot.formats.bundle_tar import LIMITS, MANIFEST, SIGNATURE
from cudepot.openpgp import is_plain_armor
from cudepot.ports import Page, Source, Validators
from cudepot.workflows.bundle.shown_import import told_of
from cudepot.workflows.edge.heard import Heard, conditions

_T = TypeVar("_T")


class TornError(TrustError):
    """Two documents of a site that do not belong together: it is being changed, or somebody mixes them."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a site says it shows.

    Attributes:
        path: the document that says it.
        document, text: what it says, and as it came, signed; empty where that is the manifest itself.
        validators: of it.
        shown: what it says as a value; None where that is the manifest itself.
        shows: the channels that are followed, the one that is published to first.
        manifest: the manifest with its document and signature, where that is what says it.
    """

    path: str
    document: bytes
    text: bytes
    validators: Validators | None
    shown: Shown | None
    shows: tuple[Shows, ...]
    manifest: Head | None = None

    def is_as(self, other: Told) -> bool:
        """Return whether another answer said the same."""
        return (self.path, self.text, self.shows) == (other.path, other.text, other.shows)


@dataclass(frozen=True, slots=True)
class Head:
    """The manifest of one snapshot as the site has it, and the folder of the site that it is in."""

    folder: str
    manifest: Manifest
    document: bytes
    signature: bytes

    @property
    def name(self) -> str:
        """What the manifest is called in the store while it waits."""
        return Digest.of(self.document).sha256


def ask(depot: Depot, source: Source, heard: Heard, url: str) -> Told | None:
    """Return what the site says it shows; None where it says the same as before.

    Raises:
        TrustError: another site signed it, or it is older than what is known.
        ConfigError: the site has other channels than are to be shown here.
        MissingError: it has nothing for edges.
    """
    depot.progress.step("asking the site what it shows")
    last = heard.path if heard.url == url else ""
    known = conditions(heard, depot.store, url, FOLLOW[0]) if last == FOLLOW[0] else None
    if known and source.read(FOLLOW[0], limit=LIMITS[MANIFEST], known=known) is None:
        return None
    try:
        page = source.read(SHOWN, limit=LIMIT, known=_known(depot, heard, url))
    except MissingError as error:
        if heard.signed and heard.url == url:
            raise StaleError(
                f"{SHOWN}: not there, and the site signed one on {heard.signed}",
                hint="somebody in between hides it, or that site no longer has edges: ask who runs it",
            ) from error
        return _by_manifest(depot.site_verifier, source, depot.config.site)
    return _by_shown(depot, page) if page else None


def _known(depot: Depot, heard: Heard, url: str) -> Validators | None:
    """Return what makes the request conditional: nothing where a channel is asked for that was not followed before."""
    if not {*depot.config.site.channels} <= {*dict(told_of(depot.store).channels)}:
        return None
    return conditions(heard, depot.store, url, SHOWN)


def _by_shown(depot: Depot, page: Page) -> Told:
    document = _of_this_site(lambda: depot.site_verifier().clearsigned(page.body, SHOWN).text)
    shown = parse_shown(document, SHOWN)
    return Told(SHOWN, document, page.body, page.validators, shown, _chosen(depot.config.site, shown))


def _chosen(site: Site, shown: Shown) -> tuple[Shows, ...]:
    """Return what is to be followed of what a site shows."""
    listed = ", ".join(f'"{one}"' for one in shown.channels)
    if shown.channels and not site.channels:
        hint = f"set `channels = [{listed}]` in [site] of cudepot.toml to show all of them here, or name some of them"
        raise ConfigError(f"the site has the channels {', '.join(shown.channels)}", hint=hint)
    for name in site.channels:
        if name not in shown.channels:
            hint = f"its channels: {listed}" if listed else "remove `channels` from [site] of cudepot.toml"
            raise ConfigError(f"the site that is followed has no channel {name!r}", hint=hint)
    found = tuple(one for one in shown.shows if one.channel in (site.channels or ("",)))
    if not found:
        what = f"nothing yet in {', '.join(site.channels)}" if site.channels else "nothing yet"
        raise ConfigError(f"the site that is followed shows {what}", hint="`cudepot promote` there shows something")
    return found


def _by_manifest(verifier: SiteVerifier, source: Source, site: Site) -> Told:
    """Read what a site shows that signs no more than its manifests: a far side, and one channel of a site."""
    hint = "check the address: snapshot.json is there too; on the site it names, set `edges = true` in [site]"
    try:
        page = source.read(FOLLOW[0], limit=LIMITS[MANIFEST])
    except MissingError as error:
        raise MissingError(f"{FOLLOW[0]}: not there: {error}", hint=hint) from error
    assert page is not None
    if len(site.channels) > 1:
        raise ConfigError(
            "that address has one channel of a site, or a site that does not sign what its channels show",
            hint=f"follow the address above it, or set one name in `channels` of [site], not {len(site.channels)}",
        )
    head = _head(verifier, source, "", page.body)
    name = site.channels[0] if site.channels else ""
    shows = Shows(name, head.manifest.link, Digest.of(page.body))
    return Told(FOLLOW[0], b"", b"", page.validators, None, (shows,), head)


def read_head(verifier: SiteVerifier, source: Source, told: Told, one: Shows) -> Head:
    """Return the manifest of a snapshot that a site shows.

    Raises:
        TornError: what is there is not the manifest that the site says.
        MissingError: there is none.
    """
    if told.manifest:
        return told.manifest
    folder = f"{one.channel}/" if one.channel else ""
    try:
        page = source.read(f"{folder}{FOLLOW[0]}", limit=one.manifest.size + 1)
    except MissingError as error:
        hint = "follow only channels that are there: name them in `channels` of [site] in cudepot.toml"
        raise MissingError(f"{folder}{FOLLOW[0]}: not there: {error}", hint=hint if folder else "") from error
    assert page is not None
    if Digest.of(page.body) != one.manifest:
        raise TornError(
            f"{folder}{FOLLOW[0]} is not what the site says it is",
            hint="it is being published, an edge in between holds it back, or a cache is old: run it again later",
        )
    try:
        head = _head(verifier, source, folder, page.body)
    except TrustError as error:  # the document is right, so the signature is of another one
        raise TornError(str(error), hint=error.hint) from error
    if head.manifest.link != one.snapshot:
        raise TrustError(f"{folder}{FOLLOW[0]} is of another snapshot than {one.snapshot.number}")
    return head


def _head(verifier: SiteVerifier, source: Source, folder: str, document: bytes) -> Head:
    name = f"{folder}{FOLLOW[0]}"
    signature = source.read(f"{folder}{FOLLOW[1]}", limit=LIMITS[SIGNATURE])
    assert signature is not None
    _of_this_site(lambda: verifier().detached(document, signature.body, name))
    if not is_plain_armor(signature.body):
        raise FormatError(f"{folder}{FOLLOW[1]} was altered, although it still verifies", hint="ask who runs that site")
    manifest = parse_manifest(document, name)
    # What carried it to that site, volumes and a base, is of no concern here: every object comes from the site itself.
    plain = replace(manifest, base=Link(), volumes=(), pieces=(), unpacked=())
    plain = replace(plain, channels=(), promotion=0, records=None, tags=())
    return Head(folder, plain, document, signature.body)


def _of_this_site(check: Callable[[], _T]) -> _T:
    try:
        return check()
    except TrustError as error:
        raise error.retold(f"this is not the site that this edge follows: {error}") from error
