"""Other machines that do a part of the work: what a verb asks of them. None of it needs the project, or the site's key.

Each piece of work is named by hashes and done as often as somebody likes: its result is in the store's bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cudepot.digest import Digest

if TYPE_CHECKING:
    from cudepot.catalog.lock import Lock
    from cudepot.depot.builds import Built
    from cudepot.depot.fetch_locked import Missing
    from cudepot.errors import CudepotError


class Made(NamedTuple):
    """What a build gave: its packages, and the sha256 of the licence text that had been accepted for it."""

    built: tuple[Built, ...]
    licence: str


class Workers(Protocol):
    """Machines that work on objects of a store in a bucket. Results come in any order.

    Attributes:
        insides: what packages that they fetched say of themselves, as their kinds read it (``Checks.inside``).
    """

    insides: dict[Digest, tuple[str, ...]]

    def hashed(self, objects: Sequence[Digest]) -> Iterator[tuple[Digest, str | CudepotError]]:
        """Hash objects where they are, and give the sha256 that each has; an error where it cannot be read."""

    def fetched(self, wanted: Sequence[Missing]) -> Iterator[tuple[Missing, CudepotError | None]]:
        """Bring files of upstreams into the bucket; give each with why it could not be had, or None."""

    def built(self, lock: Lock, keys: Sequence[str]) -> Iterator[tuple[str, Made | CudepotError]]:
        """Run builds of a lock by the keys of their records, and give what each made, or why it failed."""
