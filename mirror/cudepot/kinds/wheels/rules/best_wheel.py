"""The one wheel of a version that a target gets, as pip would choose it there."""

from __future__ import annotations

from collections.abc import Iterable

from cudepot.kinds.wheels.rules.fitting import rank, takes
from cudepot.kinds.wheels.rules.served import Entry, Release
from cudepot.kinds.wheels.rules.target import Target


def best_wheel(release: Release, target: Target, levels: Iterable[int] = (0,)) -> Entry | None:
    """Return the wheel with the best tags, of several with these the last build; None where none fits.

    One that was withdrawn (yanked) is taken where there is no other: the resolver takes such a version only for who
    asks for exactly this one.

    Args:
        release: the files of the version.
        target: for which machines.
        levels: patch levels of Python that it has to be for.
    """
    pythons = [target.at(one) for one in levels]
    fitting = [
        ((not one.file.yanked, -order, one.build, one.file.filename), one)
        for one in release.wheels
        if (order := rank(one.tags, target)) is not None
        and all(takes(one.file.requires_python, python) for python in pythons)
    ]
    return max(fitting, key=lambda pair: pair[0], default=(None, None))[1]
