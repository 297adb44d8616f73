"""What a store that is elsewhere does, and one on a local disk has no need of; verbs need not know which it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot.digest import Digest
from cudepot.store.layout import SITE

if TYPE_CHECKING:
    from cudepot.ports import Document


class Here:
    """A store that is where it works."""

    root: Path

    @property
    def pointer(self) -> Document:
        """What a site shows that is served out of this store."""
        from cudepot.store.document import FileDocument  # noqa: PLC0415 - few sites are

        return FileDocument(SITE.at(self.root))

    @property
    def elsewhere(self) -> str:
        """Where the store is as people write it, unless it is on this machine: empty then."""
        return ""

    def server_copy(self, where: object, digest: Digest) -> tuple[str, str] | None:
        """Return bucket and key of an object that the server of ``where`` has already; None for a local store."""
        del where, digest
        return None

    def checkpoint(self) -> None:
        """Make sure of all that is new before somebody is shown what rests on it; on a local disk it is safe already.

        Raises:
            BusyError: another machine changed a store in a bucket meanwhile.
        """

    def relist(self) -> None:
        """Look again at what is there: other machines may have brought objects. Only those of a bucket can."""

    def bring(self, wanted: Iterable[Digest]) -> None:
        """Have objects on this machine that will be used at once; a local store has them."""

    def waiting(self) -> Collection[str]:
        """Return the sha256 of objects that an earlier `gc` noted and left for later; a local store leaves none."""
        return ()

    def brought(self, wanted: Iterable[Digest]) -> Iterator[Digest]:
        """Give objects one after the other, in order, each on this machine until the next is asked for."""
        yield from wanted

    def lacking(self, wanted: Iterable[Digest]) -> int:
        """Return how many bytes of objects are to come before they can be used here; none of a local store."""
        del wanted
        return 0

    def refresh(self) -> None:
        """Bring what a verb reads that holds nothing up to date: a local store always is."""
