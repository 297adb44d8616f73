"""Resolves the debs of an environment, over all its upstreams together."""

from __future__ import annotations

from cudepot.kinds.kind import Solved, Solving


def solve(asking: Solving) -> Solved:
    """Return what the debs of an environment are now; see :class:`~cudepot.kinds.ports.Solves`."""
    raise NotImplementedError(asking.environment.name)
