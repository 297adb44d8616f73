"""What is newer than the pins take: which entries can be bound to a newer version, and what lies outside them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from cudepot.catalog.config.config import Pin
from cudepot.catalog.lock import Artifact
from cudepot.catalog.name_globs import is_glob
from cudepot.catalog.nvidia.cuda_variant import cuda_said
from cudepot.catalog.nvidia.published import Support
from cudepot.kinds.rules.offer import Offer
from cudepot.kinds.rules.pin_entries import Entry, Listing, Spelling

_NUMBER = re.compile(r"(\d+\.\d+\.\d+\.\d+)(?:.*cuda(\d+(?:\.\d+)?))?")
_IN_NAME = re.compile(r"cudnn.*(?:-cuda-|-cu)(\d+)")
_EVERYWHERE = ("all", "noarch")
_Named = TypeVar("_Named", Offer, Artifact)


@dataclass(frozen=True, slots=True)
class Update:
    """A newer release that an entry of a pin can be bound to.

    Attributes:
        pin: number of the pin in cudepot.toml, counting from 0.
        before, after: the entry of the pin as it is and as it would be.
        locked, newest: versions.
        size: bytes of the newer artifact.
        path: where the upstream has it.
        published: when the upstream published it, as far as it says so (HTTP ``Last-Modified``).
        supports: what the support matrix knows of the release.
    """

    pin: int
    upstream: str
    name: str
    before: str
    after: str
    locked: str
    newest: str
    size: int
    path: str
    published: str = ""
    supports: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What there is to know of an entry that no change of its version brings.

    Attributes:
        entry: as it stands in cudepot.toml.
        newest: the version spoken of.
        pin: number of the pin in cudepot.toml, counting from 0.
        kind: ``inside`` (`lock` takes it), ``outside`` (the entry keeps it out), ``gone`` (what is pinned is no longer
            listed), ``withdrawn`` (what is pinned was withdrawn), ``partly`` (not for all machines), ``hash`` (the pin
            gives the hash of the file it has), ``refused`` (it cannot be locked).
        text: all of it in a sentence.
    """

    pin: int
    upstream: str
    name: str
    entry: str
    newest: str
    kind: str
    text: str


Found = tuple[list[Update], list[Notice]]


def compare(
    pins: Iterable[tuple[int, Pin]], spelling: Spelling, locked: Iterable[Artifact], offers: Iterable[Offer]
) -> Found:
    """Return which entries of pins can be bound to something newer, and what else there is to know of them.

    Nothing that is older by the ecosystem's own order is ever offered. Of several versions of one package, pinned side
    by side, only the newest is looked at: the others are kept on purpose.

    Args:
        pins: those on one upstream, with their places in cudepot.toml.
        spelling: how the upstream's kind names packages and versions.
        locked: artifacts of the upstream in the lock.
        offers: what the upstream offers under the names that pins may mean, and more.
    """
    there = _by_name(offers, spelling)
    pinned = _by_name([one for one in locked if one.why == "pin"], spelling)
    rows = [(one.name, one.version, one.machine) for group in there.values() for one in group]
    rows += [(one.name, one.version, one.architecture) for group in pinned.values() for one in group]
    listing = Listing(rows)
    every = [(number, pin, entry) for number, pin in pins for entry in spelling.read(pin, listing)]
    ahead = _ahead(every, spelling)
    updates, notices = list[Update](), list[Notice]()
    for number, pin, entry in every:
        for name in listing.names(entry.name):
            offered, known = there.get(name, []), pinned.get(name, [])
            if ahead.get(_line(pin, entry), entry) is not entry:
                offered = [one for one in offered if one.version == entry.exact and one.withdrawn is not None]
                known = []
            look = _Look(number, pin, spelling, entry, name, offered, known)
            updates += look.updates()
            notices += look.notices()
    return updates, notices


def _line(pin: Pin, entry: Entry) -> tuple[object, ...]:
    """Return what entries have in common that only one of them need move on."""
    return (entry.name, entry.cuda.partition(".")[0], pin.architectures, pin.subdirs)


def _ahead(every: Iterable[tuple[int, Pin, Entry]], spelling: Spelling) -> dict[tuple[object, ...], Entry]:
    """Return, of the entries that name a version, the newest of each line."""
    key, found = spelling.key, dict[tuple[object, ...], Entry]()
    for _, pin, entry in every:
        if entry.exact and spelling.is_version(entry.exact):
            rival = found.setdefault(_line(pin, entry), entry)
            if key(entry.exact) > key(rival.exact):
                found[_line(pin, entry)] = entry
    return found


def _by_name(found: Iterable[_Named], spelling: Spelling) -> dict[str, list[_Named]]:
    """Group what has a version that can be compared."""
    groups: dict[str, list[_Named]] = {}
    for one in found:
        if spelling.is_version(one.version):
            groups.setdefault(one.name, []).append(one)
    return groups


class _Look:
    """One entry and one name it means: what is there, what is locked, and the way between them."""

    def __init__(
        self, number: int, pin: Pin, spelling: Spelling, entry: Entry, name: str, offers: Iterable[Offer],
        locked: Iterable[Artifact],
    ) -> None:  # fmt: skip
        self._number, self._pin, self._spelling, self._entry, self._name = number, pin, spelling, entry, name
        self._key = spelling.key
        machines = (*pin.architectures, *_EVERYWHERE) if pin.architectures else ()
        here = [one for one in offers if not machines or one.machine in machines]
        self._listed = [one for one in here if entry.means_cuda(name, one.version)]
        self._locked = [one for one in locked if entry.admits(one.version) and entry.means_cuda(name, one.version)]
        self._now = max((one.version for one in self._locked), key=self._key, default=entry.exact)
        self._there = [one for one in self._listed if one.withdrawn is None and self._is_wanted(one.version)]

    def _is_wanted(self, version: str) -> bool:
        """Return whether a version is nothing that only those get who ask for it: a pre-release."""
        return not self._spelling.is_early(version) or (bool(self._now) and self._spelling.is_early(self._now))

    def updates(self) -> Iterator[Update]:
        """Give the newest version the entry can be bound to, if there is one."""
        best = self._best()
        if best is None or not self._bindable() or self._hashes():
            return
        entry = self._entry
        yield Update(
            self._number, self._pin.upstream, self._name, entry.spec, entry.to(best.version), self._now, best.version,
            best.size, best.path,
        )  # fmt: skip

    def notices(self) -> Iterator[Notice]:
        """Give what else there is to know."""
        yield from self._withdrawn()
        best = self._best()
        newest = max((one.version for one in self._there), key=self._key, default="")
        if not newest:
            return
        if not any(self._entry.admits(one.version) for one in self._listed):
            yield from self._gone(newest)
        elif inside := self._inside():
            yield self._notice("inside", inside, f"{self._now} -> {inside}: the pin allows it; `cudepot lock` locks it")
        if best is not None and self._hashes():
            names = ", ".join(self._hashes())
            text = f"{best.version} is there, but the pin gives the sha256 of {names}: change version and hash by hand"
            yield self._notice("hash", best.version, text)
        elif best is not None and not self._bindable() and not self._entry.admits(best.version):
            yield self._notice(
                "outside", best.version, f"{best.version} is there, outside the pin {self._entry.spec!r}"
            )
        elif best is None and self._is_later(newest) and not self._entry.admits(newest):
            yield self._notice("partly", newest, f"{newest} is there, but not for {self._lacking(newest)}")

    def _gone(self, newest: str) -> Iterator[Notice]:
        what = f"{self._now or self._entry.spec} is no longer listed"
        if self._now and self._key(newest) < self._key(self._now):
            text = f"{what}; the newest there is {newest}, which is older: nothing is changed"
            yield self._notice("gone", newest, text)
        elif not self._bindable():
            yield self._notice("gone", newest, f"{what}; the newest there is {newest}")

    def _withdrawn(self) -> Iterator[Notice]:
        for one in self._listed:
            if one.withdrawn is not None and one.version == self._now:
                reason = one.withdrawn or "no reason given"
                yield self._notice("withdrawn", one.version, f"{one.version} was withdrawn (yanked): {reason}")
                return

    def _best(self) -> Offer | None:
        """Return the newest version later than what is locked that is there for all machines and CUDAs it is for."""
        groups: dict[str, list[Offer]] = {}
        for one in self._there:
            if self._is_later(one.version) and not self._entry.admits(one.version):
                groups.setdefault(self._entry.to(one.version), []).append(one)
        needed = self._needed()
        full = [group for group in groups.values() if all(any(_serves(one, *need) for one in group) for need in needed)]
        newest = [max(group, key=lambda one: self._key(one.version)) for group in full]
        return max(newest, key=lambda one: self._key(one.version), default=None)

    def _needed(self) -> set[tuple[str, str]]:
        """Return machine and major version of CUDA of all that is locked under the entry."""
        if self._spelling.by_platform:
            return {(subdir, "") for subdir in self._pin.subdirs}
        return {(one.architecture, _major(one.version)) for one in self._locked}

    def _lacking(self, version: str) -> str:
        """Return for which machines, and CUDAs, a version is not there."""
        group = [one for one in self._there if self._entry.to(one.version) == self._entry.to(version)]
        lacking = sorted(need for need in self._needed() if not any(_serves(one, *need) for one in group))
        return ", ".join(f"CUDA {cuda} on {machine}" if cuda else machine for machine, cuda in lacking)

    def _inside(self) -> str:
        """Return the newest version that the entry takes, where that is later than what is locked."""
        fitting = [one.version for one in self._there if self._entry.admits(one.version)]
        newest = max(fitting, key=self._key, default="")
        return newest if newest and self._locked and self._is_later(newest) else ""

    def _is_later(self, version: str) -> bool:
        return not self._now or bool(self._key(version) > self._key(self._now))

    def _bindable(self) -> bool:
        return bool(self._entry.exact) and not is_glob(self._entry.name)

    def _hashes(self) -> list[str]:
        """Return the files whose hash the pin gives and that the entry means."""
        return sorted({one.filename for one in self._locked} & dict(self._pin.sha256).keys())

    def _notice(self, kind: str, newest: str, text: str) -> Notice:
        return Notice(
            self._number, self._pin.upstream, self._name, self._entry.spec, newest, kind, f"{self._name}: {text}"
        )


def _serves(offer: Offer, machine: str, cuda: str) -> bool:
    return offer.machine in (machine, *_EVERYWHERE) and _major(offer.version) == cuda


def _major(version: str) -> str:
    """Return the major version of the CUDA that a version says it is for; empty where it says none."""
    return cuda_said(version).partition(".")[0]


def supported(one: Update, matrix: Iterable[Support]) -> str:
    """Return what the support matrix says of a newer cuDNN: drivers, toolkits, GPUs; empty where it says nothing."""
    number = _NUMBER.match(one.newest)
    if "cudnn" not in one.name or not number:
        return ""
    named = _IN_NAME.search(one.name)
    cuda = number[2] or (named[1] if named else "")
    row = next((row for row in matrix if cuda and row.covers(number[1], cuda)), None)
    if row is None:
        return ""
    told = {"CUDA": row.toolkits, "Linux driver from": row.driver, "GPUs": row.capability}
    return "; ".join(f"{name} {text}" for name, text in told.items() if text)
