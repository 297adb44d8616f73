"""What was read of one index of a channel, so that it is read once whoever asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from cudepot.formats.conda_record import Package
from cudepot.formats.conda_repodata import depended
from cudepot.formats.conda_shards import ShardIndex
from cudepot.formats.conda_subdir import RunExports, Subdir, settled


@dataclass(slots=True)
class Decoded:
    """The index as it describes itself, and what of its packages was asked for.

    Attributes:
        head: the index as it describes itself, with what is odd about it; without packages.
        shards: where it says the packages are; None where they are in it.
        packages: name → all its packages, in the order of their file names.
        needed: name → the names its packages need.
        needs: the same of all there are, where the index is one document; None until somebody asks.
        exports: file name → what is told beside the index of its run_exports, as far as that was asked.
        told: the file names that were looked for.
    """

    head: Subdir
    shards: ShardIndex | None = None
    packages: dict[str, list[Package]] = field(default_factory=dict)
    needed: dict[str, set[str]] = field(default_factory=dict)
    needs: Mapping[str, set[str]] | None = None
    exports: dict[str, RunExports] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def take(self, names: Iterable[str], found: Subdir) -> None:
        """Take in what was found of these names, but what no client can read."""
        from cudepot.kinds.conda.select import leave_out_unreadable  # noqa: PLC0415 - loads the solver's library

        leave_out_unreadable(found)
        new: dict[str, list[Package]] = {name: [] for name in names}
        for one in settled(found.packages, found.removed):
            new[one.name].append(one)
        self.packages |= new
        self.needed |= {name: _needed(packages) for name, packages in new.items()}
        self.head.base_url, self.head.relations = found.base_url, found.relations
        self.head.removed |= found.removed
        self.head.odd += found.odd

    def shown(self, names: Iterable[str]) -> Subdir:
        """Return what there is of these names, for the caller to change."""
        packages = [one for name in sorted(set(names)) for one in self.packages[name]]
        return replace(self.head, packages=packages, removed=set(self.head.removed), odd=list(self.head.odd))


def _needed(packages: Iterable[Package]) -> set[str]:
    """Return the names that packages need, but the machine's own."""
    specs: set[str] = set()
    for one in packages:
        specs.update(one.record.get("depends") or (), *(one.record.get("extra_depends") or {}).values())
    return {name for name in map(depended, specs) if not name.startswith("__")}
