"""The store's snapshots as values: read, their signature by the site key checked, parsed."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from cudepot.catalog.site.snapshot import Snapshot, Tree, parse_snapshot
from cudepot.errors import ClockError, ConfigError, TrustError
from cudepot.ports import Progress, Verifier
from cudepot.store.snapshots import Snapshots


class History:
    """Reads snapshots that the site's key signed.

    Args:
        documents: the store's.
        verifier: gives a verifier that trusts the site's own key only; called when there is something to verify.
        progress: is told which one is read.
    """

    def __init__(self, documents: Snapshots, verifier: Callable[[], Verifier], progress: Progress) -> None:
        self.documents, self.verifier, self._progress = documents, verifier, progress

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
        document, signature = self.documents.read(number)
        what = str(self.documents.path(number))
        try:
            self.verifier().detached(document, signature, what)
        except ClockError:
            raise
        except TrustError as error:
            raise TrustError(
                str(error),
                hint="someone changed it, or the site's key was replaced: list the old one in `site.former-keys`",
            ) from error
        snapshot = parse_snapshot(document, what, like)
        if snapshot.number != number:
            raise TrustError(
                f"{what}: contains snapshot {snapshot.number}, not {number}", hint="someone renamed the file"
            )
        return snapshot

    def latest(self, count: int) -> list[Snapshot]:
        """Return up to ``count`` snapshots that were published, the newest first; none made for a channel alone."""
        found: list[Snapshot] = []
        for number in reversed(self.numbers()):
            if len(found) == count:
                break
            one = self.load(number, found[-1].tree if found else MappingProxyType({}))
            found += [one] if not one.channel else []
        return found
