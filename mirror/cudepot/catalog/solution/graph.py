"""Who needs whom in one target of an environment. Pure: which edges hold is for each kind to say."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cudepot.catalog.lock import Artifact, LockedTarget, Member

Files = Mapping[Member, Artifact]
"""The artifacts of a target by their member."""


class Graph(NamedTuple):
    """One target's packages and what they need of each other.

    Attributes:
        files: name → its artifacts there: mostly one, several where they hold on different machines.
        roots: names that were asked for.
        needs: name → names that it needs there.
    """

    files: Mapping[str, Sequence[Artifact]]
    roots: tuple[str, ...]
    needs: Mapping[str, tuple[str, ...]]

    def version(self, name: str) -> str:
        """Return the version of a package; of several all."""
        return ", ".join(dict.fromkeys(one.version for one in self.files[name]))

    def size(self, names: Iterable[str]) -> int:
        """Return how many bytes the files of some packages have together."""
        return sum({one.digest: one.digest.size for name in names for one in self.files[name]}.values())

    def below(self, name: str) -> set[str]:
        """Return a package with all that it needs, directly or not."""
        found, waiting = {name}, [name]
        while waiting:
            more = set(self.needs.get(waiting.pop(), ())) - found
            found |= more
            waiting += more
        return found

    def chains(self, name: str) -> tuple[tuple[str, ...], ...]:
        """Return how a package came in: from each root that leads to it the shortest way, both ends included."""
        found = (self._way(root, name) for root in self.roots)
        return tuple(one for one in found if one)

    def _way(self, root: str, name: str) -> tuple[str, ...]:
        ways, seen = deque[tuple[str, ...]]([(root,)]), {root}
        while ways:
            way = ways.popleft()
            if way[-1] == name:
                return way
            further = [one for one in self.needs.get(way[-1], ()) if one not in seen]
            seen.update(further)
            ways += [(*way, one) for one in further]
        return ()


def files_of(target: LockedTarget, artifacts: Mapping[tuple[str, str], Artifact]) -> dict[Member, Artifact]:
    """Return the artifacts of a target, those left out that are not among ``artifacts`` (by upstream and file name)."""
    return {
        one: artifacts[one.upstream, one.filename]
        for one in target.members
        if (one.upstream, one.filename) in artifacts
    }


def by_place(artifacts: Iterable[Artifact]) -> dict[tuple[str, str], Artifact]:
    """Return artifacts by what members call them: upstream and file name."""
    return {(one.upstream, one.filename): one for one in artifacts}
