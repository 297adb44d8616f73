"""What the channels of a site show, and which snapshots something holds on to."""

from __future__ import annotations

from collections.abc import Iterator

from cudepot.catalog.config.config import Config
from cudepot.catalog.site.snapshot import parse_head
from cudepot.depot.promotions import last_promotion
from cudepot.errors import ConfigError
from cudepot.ports import Site
from cudepot.store.local import LocalStore
from cudepot.store.snapshots import Snapshots


def shown_by(config: Config, site: Site) -> dict[str, int | None]:
    """Return channel → the snapshot it shows; of a site without channels, the snapshot shown under an empty name."""
    names = config.site.channels
    return {one: site.channel(one).current() for one in names} if names else {"": site.current()}


def check_channel(config: Config, name: str) -> None:
    """Raise ConfigError unless the site has a channel of that name."""
    names = config.site.channels
    if not names:
        hint = (
            'name them in cudepot.toml: channels = ["dev", "test", "prod"] below [site]; see `cudepot explain channels`'
        )
        raise ConfigError("the site has no channels", hint=hint)
    if name not in names:
        raise ConfigError(f"the site has no channel called {name!r}", hint=f"its channels are {', '.join(names)}")


def held_by_name(config: Config, store: LocalStore, site: Site) -> Iterator[tuple[int, str]]:
    """Give each snapshot that is shown, needed by the site or has a name, and why it is kept, each reason once."""
    yield from dict.fromkeys(_held(config, store, site))


def _held(config: Config, store: LocalStore, site: Site) -> Iterator[tuple[int, str]]:
    for channel, number in shown_by(config, site).items():
        if number is not None:
            yield number, f"shown in {channel}" if channel else "shown"
        if channel and (last := last_promotion(store.promotions, channel)) and last.snapshot != number:
            why = f"to be shown in {channel}" if config.site.origin else f"promoted to {channel}; that was cut short"
            yield last.snapshot, why
    yield from site.needs().snapshots
    for tag, number in store.tags.read().items():
        yield number, f"tagged {tag}"


def channel_faults(config: Config, store: LocalStore, site: Site) -> Iterator[str]:
    """Give a line for each channel that shows another snapshot than its record says, or none of the store.

    On the far side of an air gap records come before what they tell of is shown, and some tell of what never comes.
    """
    numbers = store.snapshots.numbers()
    for channel, shown in shown_by(config, site).items() if config.site.channels else ():
        last = last_promotion(store.promotions, channel)
        if last and last.snapshot != shown and not config.site.origin:
            what = f"snapshot {shown}" if shown else "nothing"
            yield f"{channel}: shows {what}, and its record says snapshot {last.snapshot}: a promotion was cut short"
        if shown and shown not in numbers:
            yield f"{channel}: shows snapshot {shown}, which is not in the store"


def newest_published(snapshots: Snapshots) -> int:
    """Return the number of the newest snapshot that was published, not made for a channel alone; 0 for none."""
    for number in reversed(snapshots.numbers()):
        if not parse_head(snapshots.head(number), f"snapshot {number}").channel:
            return number
    return 0
