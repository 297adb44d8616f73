"""``cudepot promote``: make a channel of the site show what another one shows, by one switch, with a signed record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from cudepot.catalog.site.diff import Change, count_packages, diff_trees
from cudepot.catalog.site.promotion import Promotion, counted, moved
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.clock import check_clock, timestamp
from cudepot.depot.depot import Depot
from cudepot.depot.pointers import check_channel
from cudepot.depot.promotions import add_promotion, last_promotion, read_promotions
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.kinds.site_roots import own_roots
from cudepot.ports import Inspectable, Site
from cudepot.workflows.edge.on_site import DOCUMENTS
from cudepot.workflows.publish.make_snapshot import (
    announced,
    check_private,
    is_there,
    next_number,
    offered,
    show_snapshot,
    switch_on,
    write_on,
)
from cudepot.workflows.publish.rollback import check_whole, made_again


class Said(NamedTuple):
    """Who does it, and what that person says of it."""

    who: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class PromoteResult:
    """What promoting did, or would do.

    Attributes:
        channel: the channel.
        source: where from; empty for a rollback.
        number: the snapshot it shows now.
        shows: the snapshot whose packages that has.
        instead: the snapshot it showed before; 0 for none.
        changes: packages that differ from those it showed before; none where it showed nothing.
        counts: how many packages of each ecosystem came, went and changed.
        record: number of the signed record; 0 where nothing changed, or would be written.
        site: what a web server has to show.
    """

    channel: str
    source: str
    number: int
    shows: int
    instead: int
    changes: tuple[Change, ...]
    counts: Mapping[str, Mapping[str, int]]
    record: int
    site: str


def promote(
    depot: Depot, source: str, target: str, *, said: Said, number: int | None = None, dry_run: bool = False
) -> PromoteResult:
    """Make channel ``target`` show what ``source`` shows, or the snapshot ``number`` that it showed once.

    Where clients of ``target`` have seen later roots than those of the snapshot, a snapshot with the same packages and
    roots signed again is made for them: apt keeps what it has when it is offered an older Release.

    Args:
        depot: the depot.
        source: the channel it comes from; empty for a rollback: then ``number`` was shown by ``target`` itself.
        target: the channel.
        said: who does it, and why.
        number: of a snapshot; None for the one that ``source`` shows.
        dry_run: change nothing.

    Raises:
        ConfigError: there is no such channel or snapshot, or ``source`` never showed it.
        EulaError: the site is marked public.
        ClockError: the newest snapshot is of the future.
    """
    _check(depot, source, target)
    site = depot.inspectable().channel(target)
    number = _shown(depot.site(), source) if number is None else number
    shown = site.current() or 0
    _check_was_shown(depot, source or target, number)
    after = depot.history.find(number)
    before = depot.history.load(shown, after.tree) if shown in depot.history.numbers() else None
    if before and _packages_of(before) == number and shown != number:
        number, after = shown, before  # it has these packages already, with roots made for this channel
    changes = tuple(diff_trees(before.tree, after.tree, lambda _: "")) if before else ()
    counts = counted(changes) if before else {name: {"came": one} for name, one in count_packages(after.tree).items()}
    renew = before is not None and shown != number and _is_behind(depot, after, before)
    made = PromoteResult(target, source, number, _packages_of(after), shown, changes, counts, 0, depot.site().where)
    if shown == number:
        return made
    if dry_run:
        return made if not renew else replace(made, number=next_number(depot.site(), depot.store.snapshots))
    if renew and before:
        made = replace(made, number=_made_before(depot, made) or made_again(depot, after, before, made.shows, target))
    made = show(depot, site, made, said)
    announced(depot)
    return made


def _made_before(depot: Depot, made: PromoteResult) -> int:
    """Return the number of the snapshot that a run which was killed made for the same; 0 for none."""
    newest = depot.history.load(depot.history.numbers()[-1])
    same = (newest.channel, newest.rollback) == (made.channel, made.shows) and newest.number > made.instead
    return newest.number if same else 0


def _check(depot: Depot, source: str, target: str) -> None:
    check_private(depot.config, depot.site())
    for one in filter(None, (source, target)):
        check_channel(depot.config, one)
    if depot.config.site.origin:
        raise ConfigError(
            "this project shows another machine's site: its channels come in bundles, as they are there",
            hint="promote on the near side, then export and import a bundle",
        )
    first = depot.config.site.channels[0]
    if target == first:
        raise ConfigError(f"{first} is the channel that is published to", hint="`cudepot rollback N` goes back there")
    check_clock(depot.store, depot.clock)


def _shown(site: Site, channel: str) -> int:
    number = site.channel(channel).current()
    if number is None:
        raise ConfigError(f"{channel} shows nothing yet", hint="`cudepot publish` shows in the first channel")
    return number


def _check_was_shown(depot: Depot, channel: str, number: int) -> None:
    """Raise ConfigError unless a channel shows a snapshot, or showed it once."""
    if depot.site().channel(channel).current() == number:
        return
    head = depot.history.find(number)
    if channel == depot.config.site.channels[0]:
        if not head.channel:
            return
    elif any(
        number in (one.snapshot, one.shows)
        for one in read_promotions(depot.store.promotions, depot.site_verifier)
        if one.channel == channel
    ):
        return
    hint = f"`cudepot channels {channel}` lists what it showed"
    raise ConfigError(f"snapshot {number} was never shown in {channel}", hint=hint)


def _packages_of(snapshot: Snapshot) -> int:
    """Return the number of the snapshot whose packages it has, where it was made for a channel."""
    return snapshot.rollback if snapshot.channel else snapshot.number


def _is_behind(depot: Depot, after: Snapshot, before: Snapshot) -> bool:
    """Return whether clients that have seen the roots of ``before`` would keep them when offered those of ``after``."""
    return any(
        root.shows.is_behind(depot.store, after.tree, before.tree, root.path)
        for root in own_roots(after)
        if before.tree.get(root.path, after.tree[root.path]) != after.tree[root.path]
    )


def show(depot: Depot, site: Inspectable, made: PromoteResult, said: Said) -> PromoteResult:
    """Write a record, then show the snapshot; a run that was killed in between is completed by the same command."""
    snapshot = depot.history.find(made.number)
    whole = offered(depot, snapshot)
    if not is_there(site, whole):
        check_whole(depot.store, depot.progress, snapshot)
        write_on(depot, site, whole)
    record = _recorded(depot, made, said, Digest.of(whole.extra[DOCUMENTS[0]]).sha256)
    switch_on(depot, site, made.number)
    return replace(made, record=record)


def _recorded(depot: Depot, made: PromoteResult, said: Said, sha256: str) -> int:
    """Return the number of the record: of the last one, where it says the very same and the switch did not follow."""
    last = last_promotion(depot.store.promotions, made.channel)
    if last and (last.snapshot, last.instead, last.source) == (made.number, made.instead, made.source):
        return last.number
    record = Promotion(
        0, "", made.channel, made.source, made.number, sha256, made.shows, made.instead,
        said.who, timestamp(depot.clock), said.why, made.counts, moved(made.changes) if made.instead else (),
    )  # fmt: skip
    return add_promotion(depot.signing, record).number


def renew_channels(depot: Depot, others: Iterable[str]) -> list[str]:
    """Sign the roots of channels anew that expire before long, and show what a new folder does not show yet.

    Returns a line for each channel that changes.
    """
    lines: list[str] = []
    for name in others:
        site = depot.inspectable().channel(name)
        if (number := _not_shown(depot, site, name)) is not None:
            show_snapshot(depot.in_channel(name), number)
            lines.append(f"{name}: shows snapshot {number}, as its record says")
        shown = site.current()
        if shown not in depot.history.numbers():
            continue
        old = depot.history.load(shown)
        if any(root.shows.is_worn(depot.store, depot.clock, old.tree, root.path) for root in own_roots(old)):
            number = made_again(depot, old, old, _packages_of(old), name)
            made = PromoteResult(name, name, number, _packages_of(old), old.number, (), {}, 0, site.where)
            show(depot, site, made, Said("cudepot publish", "roots signed again before they expire"))
            lines.append(f"{name}: roots signed again, snapshot {number} shows {made.shows} again")
    return lines


def _not_shown(depot: Depot, site: Site, channel: str) -> int | None:
    """Return what a channel was made to show that shows nothing: its folder went with the machine, or never was."""
    last = last_promotion(depot.store.promotions, channel)
    lost = site.current() is None and last is not None and last.snapshot in depot.history.numbers()
    return last.snapshot if last and lost else None
