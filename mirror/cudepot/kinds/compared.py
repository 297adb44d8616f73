"""How packages that were built here differ from those of an upstream that they can take the place of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cudepot.formats.conda_dropin import Difference

_SHOWN = 12  # differences that people read; JSON has all


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared, and what differs.

    Attributes:
        repository: of the site: ``conda/main``.
        upstream: the one that has packages of these names.
        packages: file names, ours and theirs.
        differences: field by field.
        unknown: fields that could not be compared, since the upstream's index does not tell them.
    """

    repository: str
    upstream: str
    packages: tuple[tuple[str, str], ...]
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """Give what people read of it."""
        if not self.packages:
            yield f"{self.repository}: {self.upstream} has none of the versions built here: nothing to compare"
            return
        count = f"{len(self.packages)} packages compared with those of {self.upstream} for the same version and CUDA"
        unknown = f"; not compared: {', '.join(self.unknown)}" if self.unknown else ""
        yield f"{self.repository}: {count}: {len(self.differences) or 'no'} differences{unknown}"
        for one in self.differences[:_SHOWN]:
            sides = [f"without {', '.join(one.lacking)}"] * bool(one.lacking) + [f"with {', '.join(one.more)}"] * bool(
                one.more
            )
            yield f"  {one.package}: {one.field}: {'; '.join(sides)}"
        if len(self.differences) > _SHOWN:
            yield f"  … and {len(self.differences) - _SHOWN} more"
