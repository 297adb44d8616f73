"""How much is asked for of a channel: told before any of it is fetched, and held to what it may be."""

from __future__ import annotations

from collections.abc import Sequence

from cudepot.catalog.config.upstream import Upstream
from cudepot.depot.depot import Depot
from cudepot.errors import PinError
from cudepot.formats.conda_record import Package
from cudepot.kinds.conda.rules.settings import settings_of

_NAMED = 5  # of the largest


def check_size(depot: Depot, upstream: Upstream, packages: Sequence[Package], *, said: bool) -> None:
    """Say how many packages there are, of how many bytes, if it is to be said.

    Raises:
        PinError: it is more than `max-size` of the upstream allows.
    """
    sizes = {(one.filename, one.record.get("sha256")): one.record.get("size") or 0 for one in packages}
    total, limit = sum(sizes.values()), settings_of(upstream).max_size
    lacking = [one for one in packages if (digest := one.digest) is None or not depot.store.has(digest)]
    fetched = sum(one.record.get("size") or 0 for one in lacking)
    unknown = sum(one.record.get("size") is None for one in packages)
    more = f", plus {unknown:,} of unknown size" if unknown else ""
    if said or limit is not None:
        names = len({one.name for one in packages})
        what = f"{_several(len(packages), 'package')} under {_several(names, 'name')}"
        depot.progress.say(f"{upstream.name}: {what}, {total:,} bytes{more}; {fetched:,} bytes to fetch")
    if limit is not None and total > limit:
        largest = sorted(packages, key=lambda one: -(one.record.get("size") or 0))[:_NAMED]
        named = ", ".join(f"{one.filename} ({one.record.get('size') or 0:,} bytes)" for one in largest)
        raise PinError(
            f"{upstream.name}: {len(packages):,} packages of {total:,} bytes in total, but `max-size` allows "
            f"{limit:,}; the largest: {named}",
            hint="ask for fewer names, platforms or versions (`keep`), or raise `max-size` of the upstream",
        )


def _several(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' * (count != 1)}"
