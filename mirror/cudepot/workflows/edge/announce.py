"""Says to edges what the site shows, signed and dated: again at every publish, so that old answers are noticed.

An edge says what the site said that it follows, once it shows that itself. Format: ``docs/formats.md``, "Edges".
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from cudepot.catalog.clocks import CLOCKS_APART
from cudepot.catalog.site.bundle import Link, parse_manifest
from cudepot.catalog.site.shown import Shown, Shows, moment, parse_shown, render_shown, written
from cudepot.catalog.site_tops import PROMOTIONS, SHOWN
from cudepot.depot.depot import Depot
from cudepot.depot.pointers import shown_by
from cudepot.depot.promotions import promotion_of
from cudepot.digest import Digest
from cudepot.store import layout
from cudepot.store.promotions import Promotions
from cudepot.store.sealed_file import SealedFile

_WORN = 4
"""The part of its validity after which what is said is signed again: a nightly run does so, one every hour does not."""


def announce(depot: Depot) -> None:
    """Say to edges what the site shows now, where it has edges; to be called after every switch.

    Raises:
        StorageError: the site's place refuses.
    """
    if not depot.config.site.edges:
        return
    text, site = _received(depot) if depot.config.site.origin else _signed(depot), depot.site()
    if not text or site.announced(SHOWN) == text:
        return
    records = {}
    if depot.config.site.channels:
        paths = {one: record_paths(one) for one in reversed(depot.store.promotions.numbers())}
        for number, (path, signature) in paths.items():
            if site.announced(signature):
                if depot.config.site.origin:
                    continue  # an edge gets older ones later, with a channel that it did not follow before
                break  # and so all before it
            records[number] = zip((path, signature), depot.store.promotions.read(number), strict=True)
    files = {path: data for number in sorted(records) for path, data in records[number]}
    site.announce({**files, SHOWN: text})


def record_paths(number: int) -> tuple[str, str]:
    """Return where a site has a promotion record and its signature."""
    return f"{PROMOTIONS}/{number:06d}.json", f"{PROMOTIONS}/{number:06d}.json.asc"


def _signed(depot: Depot) -> bytes:
    """Return what is to be said, signed: as before, where that says the same and is not worn; empty for nothing."""
    file, now = SealedFile(depot.store.at(layout.SHOWN)), depot.clock()
    known, valid = file.recall(), datetime.timedelta(seconds=depot.config.site.edges_valid_for)
    last = parse_shown(known["document"].encode(), "shown.json") if known else None
    at = moment(last.signed) if last and now < moment(last.signed) <= now + CLOCKS_APART else now
    until = written(at + valid) if valid else ""
    shown = _shown(depot)._replace(signed=written(at), until=until)
    if not shown.shows:
        return b""
    worn = not last or bool(last.until) != bool(valid) or (valid and now - moment(last.signed) >= valid / _WORN)
    if last and not worn and last.says_the_same(shown):
        return str(known["text"]).encode()
    depot.progress.step("signing what edges are to know")
    document = render_shown(shown)
    text = depot.signer().clearsign(document)
    file.write({"document": document.decode(), "text": text.decode()})
    return text


def _shown(depot: Depot) -> Shown:
    promotions, channels = depot.store.promotions, depot.config.site.channels
    last = (promotions.numbers() or [0])[-1] if channels else 0
    promotion = Link(last, Digest.of(promotions.read(last)[0]).sha256) if last else Link()
    tags = tuple(depot.store.tags.read().items())
    return Shown(depot.signer().fingerprint, "", "", channels, tuple(_shows(depot)), promotion, tags)


def _shows(depot: Depot) -> Iterator[Shows]:
    kept = depot.store.manifests(layout.FOLLOWED)
    for channel, number in shown_by(depot.config, depot.site()).items():
        name = f"{number or 0:06d}"
        if kept.has(name):
            document = kept.read(name)[0]
            link = parse_manifest(document, f"manifest {name} for edges").link
            record = _record_of(depot.store.promotions, channel, link.number)
            yield Shows(channel, link, Digest.of(document), record)


def _record_of(promotions: Promotions, channel: str, snapshot: int) -> int:
    """Return the number of the newest record that says that a channel shows a snapshot; 0 for none."""
    every = reversed(promotions.numbers()) if channel else ()
    found = (one for one in (promotion_of(promotions, number) for number in every) if one.channel == channel)
    return next((one.number for one in found if one.snapshot == snapshot), 0)


def _received(depot: Depot) -> bytes:
    """Return what the site said that is followed, once this site shows all of it that it shows at all."""
    known, site = SealedFile(depot.store.at(layout.SHOWN)).recall(), depot.site()
    if not known:
        return b""
    shows = {one.channel: one for one in parse_shown(known["document"].encode(), "shown.json").shows}
    imported = depot.store.manifests(layout.IMPORTED)
    for channel, number in shown_by(depot.config, site).items():
        one, name = shows.get(channel), f"{number or 0:06d}"
        if (one.snapshot.number if one else None) != number:
            return b""
        if one and (not imported.has(name) or Digest.of(imported.read(name)[0]) != one.manifest):
            return b""
    return str(known["text"]).encode()
