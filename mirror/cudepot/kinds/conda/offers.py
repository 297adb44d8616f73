"""What a channel offers under the names that pins mean, and how pins name it."""

from __future__ import annotations

from collections.abc import Sequence

import rattler

from cudepot.catalog.config.config import Pin
from cudepot.catalog.config.upstream import Upstream
from cudepot.depot.depot import Depot
from cudepot.depot.root_memory import RootMemory
from cudepot.errors import FormatError
from cudepot.formats.conda_record import Package, without_suffix
from cudepot.kinds.conda.channel_reader import NOARCH, ChannelReader
from cudepot.kinds.conda.select import Want, leave_out_unreadable, wanted
from cudepot.kinds.kind import Offered
from cudepot.kinds.rules.offer import Offer
from cudepot.kinds.rules.pin_entries import Entry, Listing, Spelling
from cudepot.kinds.unsigned_index import check_transport


def offers(depot: Depot, upstream: Upstream) -> Offered:
    """Return what there is, whatever the pins say of versions; builds of one version are one.

    Raises:
        UpstreamError: not reachable.
        TrustError: plain http, or a shard that is not the one its index names.
        FormatError: an index is damaged.
    """
    check_transport(upstream)
    pins = depot.config.pins_of(upstream)
    platforms = list(dict.fromkeys(subdir for pin in pins for subdir in pin.subdirs))
    reader = ChannelReader(upstream, depot.source(upstream), RootMemory.load(depot.store, upstream))
    reader.find([*platforms, NOARCH])
    found: dict[tuple[str, str, str], Offer] = {}
    for subdir, there in reader.read({one.name for one in _named(pins)}).items():
        leave_out_unreadable(there)
        for package in there.packages:
            for platform in platforms if subdir == NOARCH else [subdir]:
                offer = _offer(package, platform, reader.place(there, package.filename))
                found.setdefault((offer.name, offer.version, platform), offer)
    return Offered(tuple(found.values()), SPELLING)


def _offer(package: Package, platform: str, path: str) -> Offer:
    return Offer(package.name, package.version, platform, package.record.get("size") or 0, path)


def _entries(pin: Pin, _: Listing) -> list[Entry]:
    return [_entry(one) for one in _named([pin])]


def _named(pins: Sequence[Pin]) -> list[Want]:
    """Return what pins want by name; where they want whatever there is, `lock` takes the newest, and all is said."""
    return [one for one in wanted(pins, list) if one.name]


def _entry(want: Want) -> Entry:
    if want.spec is None:
        version = without_suffix(want.text).removeprefix(f"{want.name}-").partition("-")[0]
        return Entry(want.text, want.name, "", "", False, lambda other: _bare(other) == version, lambda _: want.text)
    spec, asked = want.spec.version, str(want.spec.version or "")
    is_exact = asked.startswith("==") and not set(asked) & set(",|*") and want.spec.build is None
    return Entry(
        want.text,
        want.name,
        asked[2:] if is_exact else "",
        "",
        False,
        lambda other: spec is None or _admits(want, other),
        lambda other: f"{want.name} =={_bare(other)}",
    )


def _admits(want: Want, version: str) -> bool:
    """Return whether an entry takes a version; what it says of builds aside."""
    record = {"name": want.name, "version": _bare(version), "build": "x", "build_number": 0}
    nameless = rattler.MatchSpec(f"{want.name} {want.spec.version}" if want.spec else want.name, strict=False)
    return want._replace(spec=nameless).matches(Package("", record))


def _bare(version: str) -> str:
    """Return a version without the build that locks have behind it."""
    return version.partition("-")[0]


def _key(version: str) -> rattler.Version:
    try:
        return rattler.Version(_bare(version))
    except Exception as error:
        raise FormatError(f"{version!r} is not a valid conda version") from error


SPELLING = Spelling(_entries, _key, _key, by_platform=True)
