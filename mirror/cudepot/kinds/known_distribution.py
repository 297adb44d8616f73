"""Tells of a distribution that an environment names and nothing knows: most likely it is misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cudepot.catalog.config.upstream import Upstream


def unknown_distribution(name: str, upstreams: Iterable[Upstream]) -> Iterator[str]:
    """Give a line for a name that neither presets nor one of the environment's upstreams know."""
    if any(name in one.distributions for one in upstreams):
        return
    from cudepot.depot.shipped import load_presets  # noqa: PLC0415 - where no upstream says

    known = load_presets().distributions
    if name in known or name in {one.nvidia for one in known.values()}:
        return
    near = difflib.get_close_matches(name, known, 2, 0.8)
    meant = f"did you mean {' or '.join(near)}? Otherwise" if near else "if it is right,"
    yield f"no distribution is known as {name!r}: {meant} say it in `distributions` of an upstream of its own"
