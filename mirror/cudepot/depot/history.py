"""The store's snapshots as values: read, their signature by the site key checked, parsed."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from cudepot.catalog.site.snapshot import Snapshot, Tree, parse_snapshot
from cudepot.errors import ClockError, TrustError
from cudepot.ports import Verifier
from cudepot.store.snapshots import Snapshots


class History:
    """Reads snapshots that the site's key signed.

    Args:
        documents: the store's.
        verifier: gives a verifier that trusts the site's own key only; called when there is something to verify.
    """

    def __init__(self, documents: Snapshots, verifier: Callable[[], Verifier]) -> None:
        self.documents, self.verifier = documents, verifier

    def numbers(self) -> list[int]:
        """Return the numbers of all snapshots in order."""
        return self.documents.numbers()

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
                str(error), hint="someone changed it, or the site's key was: name the old one in `site.former-keys`"
            ) from error
        snapshot = parse_snapshot(document, what, like)
        if snapshot.number != number:
            raise TrustError(f"{what}: is snapshot {snapshot.number}, not {number}", hint="someone renamed the file")
        return snapshot

    def latest(self, count: int) -> list[Snapshot]:
        """Return up to ``count`` snapshots, the newest first."""
        found: list[Snapshot] = []
        for number in reversed(self.numbers()[-count:]):
            found.append(self.load(number, found[-1].tree if found else MappingProxyType({})))
        return found
