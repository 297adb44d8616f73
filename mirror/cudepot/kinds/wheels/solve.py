"""Resolves the wheels of an environment where what is locked of it no longer holds."""

from __future__ import annotations

from cudepot.depot.request import environment_request
from cudepot.errors import PinError
from cudepot.formats.simple import project_name
from cudepot.kinds.kind import Solved, Solving
from cudepot.kinds.wheels.environment import Wanted
from cudepot.kinds.wheels.index_reader import IndexReader
from cudepot.kinds.wheels.owners import owners
from cudepot.kinds.wheels.standing import standing


def solve(asking: Solving) -> Solved:
    """Return what the wheels of an environment are now; see :class:`~cudepot.kinds.ports.Solves`."""
    wanted, depot = asking.wanted, asking.depot
    assert isinstance(wanted, Wanted)
    request = environment_request(depot.base, depot.config.upstreams, asking.environment, wanted)
    reader = IndexReader(depot.store, depot.progress, depot.source, owners(depot.config.upstreams, wanted))
    upgrade = asking.upgrade if isinstance(asking.upgrade, bool) else frozenset(map(project_name, asking.upgrade))
    if (still := standing(asking, request, reader, upgrade)) is not None:
        return still
    from cudepot.kinds.wheels.solve_anew import solve_anew  # noqa: PLC0415 - most runs find that nothing moved

    try:
        return solve_anew(asking, wanted, request, reader, upgrade)
    except PinError as error:
        from cudepot.kinds.wheels.made_here import with_made_here  # noqa: PLC0415 - seldom

        raise with_made_here(error, depot.store, asking.lock) from error
