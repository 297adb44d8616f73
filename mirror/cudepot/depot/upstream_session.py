"""An upstream that is being asked, and whether a lock still answers: by one conditional request for each root.

What a run that finds nothing new needs of a chain stands here; chains load indexes' formats and more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import LockedUpstream, Root
from cudepot.catalog.unsolvable import Findings
from cudepot.depot.depot import Depot
from cudepot.depot.request import key_hash, request_hash
from cudepot.depot.root_memory import RootMemory
from cudepot.errors import MissingError
from cudepot.ports import Source

ROOT_LIMIT = 10 << 20  # bytes; apt's own cap for a Release file, and a repomd.xml has a few thousand


def remembered_as(path: str) -> str:
    """Return what a root's date is remembered under: InRelease and Release may not bring back each other's past."""
    return f"{path.removesuffix('InRelease')}Release" if path.endswith("InRelease") else path


@dataclass(frozen=True, slots=True)
class Asked:
    """What every chain begins with: the upstream as cudepot.toml has it, its bytes, and what was seen of it.

    Attributes:
        findings: where a resolver writes down what no client could install.
    """

    depot: Depot
    upstream: Upstream
    source: Source
    memory: RootMemory
    findings: Findings = field(default_factory=Findings)

    @classmethod
    def of(cls, depot: Depot, upstream: Upstream, findings: Findings | None = None) -> Asked:
        """Open an upstream and remember what was seen of it."""
        memory = RootMemory.load(depot.store, upstream)
        return cls(depot, upstream, depot.source(upstream), memory, findings or Findings())

    def answers(self, locked: LockedUpstream, alone: str) -> bool:
        """Return whether the lock still answers; what was learnt on the way is remembered then.

        ``alone``: name of a root that tells by itself whether anything changed.
        """
        if locked.request != request_hash(self.upstream, self.depot.config.pins_of(self.upstream)):
            return False
        try:
            found = all(self._stands(one, alone) for one in locked.roots)
        except MissingError:
            return False
        if found:
            self.memory.save()
        return found

    def _stands(self, root: Root, alone: str) -> bool:
        """Return whether a locked root is still what the upstream serves, and was verified with these keys lately.

        Only then may its signature go unchecked: the same bytes under the same keys give the same answer, but for
        the clock, and by the clock it is checked again every day.
        """
        if root.path.rpartition("/")[2] != alone:
            return False
        _, digest = self.memory.read(self.source, root.path, limit=ROOT_LIMIT)
        trust = key_hash(self.depot.base, self.upstream)
        return digest == root.digest and self.memory.checked_lately(
            remembered_as(root.path), digest, trust, self.depot.clock()
        )
