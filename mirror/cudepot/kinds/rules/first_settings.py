"""What the first kinds hash of their settings: each what any of them had, as when one dataclass held them all.

Locks made then stay valid, because their requests keep their hashes. A kind that came later hashes its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_USUAL: Mapping[str, object] = {
    "sha256": "",
    "suites": ("/",),
    "components": (),
    "architectures": ("amd64",),
}


class FirstSettings(NamedTuple):
    """Of one of the first kinds that has no settings of its own, nor architectures."""

    def hashed(self) -> Mapping[str, object]:
        """Return what all of them had."""
        return _USUAL


def usual(*, architectures: bool) -> dict[str, object]:
    """Return the settings all of the first kinds had; without ``architectures`` where the upstream has its own."""
    return {name: value for name, value in _USUAL.items() if name != "architectures" or not architectures}
