"""The store's snapshots as values: read, their signature by the site key checked, parsed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import overload

from cudepot.catalog.site.snapshot import Snapshot, Tree, parse_head, parse_snapshot
from cudepot.digest import Digest
from cudepot.errors import ClockError, ConfigError, TrustError
from cudepot.ports import Progress, Verifier
from cudepot.store.snapshots import Snapshots


class History:
    """Reads snapshots that the site's key signed; the signature of one is checked once.

    Args:
        documents: the store's.
        verifier: gives a verifier that trusts the site's own key only; called when there is something to verify.
        progress: is told which one is read.
    """

    def __init__(self, documents: Snapshots, verifier: Callable[[], Verifier], progress: Progress) -> None:
        self.documents, self.verifier, self._progress = documents, verifier, progress
        self._checked: dict[int, tuple[Digest, Digest]] = {}

    def numbers(self) -> list[int]:
        """Return the numbers of all snapshots in order."""
        return self.documents.numbers()

    def find(self, number: int) -> Snapshot:
        """Return a snapshot that somebody asks for by its number.

        Raises:
            ConfigError: there is none of that number.
            TrustError: its signature does not hold.
        """
        numbers = self.numbers()
        if number not in numbers:
            there = f"{numbers[0]} to {numbers[-1]}" if numbers else "none"
            raise ConfigError(f"snapshot {number} is not in the store", hint=f"there: {there}; see `cudepot snapshots`")
        self._progress.step(f"reading snapshot {number}")
        return self.load(number)

    def load(self, number: int, like: Tree = MappingProxyType({})) -> Snapshot:
        """Return a snapshot whose signature holds; for ``like`` see :func:`parse_snapshot`.

        Raises:
            TrustError: it was changed or signed by another key.
        """
        what = str(self.documents.path(number))
        snapshot = parse_snapshot(self.signed(number)[0], what, like)
        check_number(what, snapshot.number, number)
        return snapshot

    def latest(self, count: int) -> Sequence[Snapshot]:
        """Return up to ``count`` snapshots that were published, the newest first; none made for a channel alone.

        The newest is read at once, each of the others when it is asked for.
        """
        return _Latest(self, self._published(count))

    def _published(self, count: int) -> list[int]:
        found: list[int] = []
        for number in reversed(self.numbers()):
            if len(found) == count:
                break
            found += [number] if not parse_head(self.documents.head(number), f"snapshot {number}").channel else []
        return found

    def signed(self, number: int) -> tuple[bytes, bytes]:
        """Return the document of a snapshot and the signature that holds; raise TrustError as :meth:`load` does."""
        document, signature = self.documents.read(number)
        both = Digest.of(document), Digest.of(signature)
        if self._checked.get(number) == both:
            return document, signature
        what = str(self.documents.path(number))
        try:
            self.verifier().detached(document, signature, what)
        except ClockError:
            raise
        except TrustError as error:
            raise TrustError(
                str(error), hint=_ENDED if "key that signed it has expired" in str(error) else _OTHER
            ) from error
        self._checked[number] = both
        return document, signature


_OTHER = "someone changed it, or the site's key was replaced: list the old one in `site.former-keys`"
_ENDED = (
    "give the site's key a later end: `gpg --homedir DIR --quick-set-expire FINGERPRINT 2y`, with `gnupg` and `key` of "
    "[site]; where another site signed it, get that site's key again"
)


def check_number(what: str, found: int, number: int) -> None:
    """Raise TrustError where a document is another snapshot than its file's name says."""
    if found != number:
        raise TrustError(f"{what}: contains snapshot {found}, not {number}", hint="someone renamed the file")


class _Latest(Sequence[Snapshot]):
    """Snapshots of a history, of which several have most of their tree in common and few are looked at."""

    def __init__(self, history: History, numbers: Sequence[int]) -> None:
        self._history, self._numbers = history, numbers
        self._found: dict[int, Snapshot] = {}
        if numbers:
            self._at(0)

    def _at(self, place: int) -> Snapshot:
        if place not in self._found:
            before = self._found.get(place - 1) or self._found.get(0)
            like = before.tree if before else MappingProxyType({})
            self._found[place] = self._history.load(self._numbers[place], like)
        return self._found[place]

    @overload
    def __getitem__(self, place: int) -> Snapshot: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Snapshot]: ...

    def __getitem__(self, place: int | slice) -> Snapshot | Sequence[Snapshot]:
        if isinstance(place, slice):
            return [self._at(one) for one in range(len(self))[place]]
        return self._at(range(len(self))[place])

    def __len__(self) -> int:
        return len(self._numbers)
