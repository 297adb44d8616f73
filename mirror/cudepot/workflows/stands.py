"""Whether a lock still answers what is asked of an upstream: by one conditional request for each root."""

from __future__ import annotations

from typing import Protocol

from cudepot.catalog.config_upstream import Upstream
from cudepot.catalog.lock import LockedUpstream, Root
from cudepot.errors import MissingError
from cudepot.ports import Source
from cudepot.workflows.depot import Depot, RootMemory, request_hash


class RootChain(Protocol):
    """What the chains of apt and yum have in common."""

    @property
    def depot(self) -> Depot:
        """The depot."""

    @property
    def upstream(self) -> Upstream:
        """The upstream as cudepot.toml has it."""

    @property
    def source(self) -> Source:
        """Its bytes."""

    @property
    def memory(self) -> RootMemory:
        """What was seen of it."""

    def stands(self, root: Root) -> bool:
        """Tell whether a locked root is what the upstream serves, and was verified with these keys lately."""


def stands(chain: RootChain, locked: LockedUpstream) -> bool:
    """Tell whether the lock still answers; what was learnt on the way is remembered then."""
    if locked.request != request_hash(chain.upstream, chain.depot.pins_of(chain.upstream)):
        return False
    try:
        found = all(chain.stands(one) for one in locked.roots)
    except MissingError:
        return False
    if found:
        chain.memory.save(chain.depot.store)
    return found
