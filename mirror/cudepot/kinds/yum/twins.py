"""Packages that a yum repository lists twice: with other bytes, which is an alarm, or at two places, one dead."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from cudepot.errors import UpstreamError
from cudepot.formats.primary import Rpm
from cudepot.kinds.yum.chain import YumChain

Chosen = tuple[Rpm, str]
_TOLD = 3


def tell_twins(chain: YumChain, twins: Collection[str], taken: str = "") -> None:
    """Say that packages are there with two contents; ``taken`` tells which one counts."""
    if twins:
        names = list(twins)
        more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
        chain.depot.progress.say(
            f"{chain.upstream.name}: warning: different content under one name, version and architecture in one index: "
            f"{', '.join(names[:_TOLD])}{more}{taken}; ask the upstream why"
        )


def served(chain: YumChain, rpms: Iterable[Rpm], chosen: Iterable[Chosen]) -> list[Chosen]:
    """Return the chosen packages, each at a place where the upstream has it; say which have a twin with other bytes."""
    found = list(chosen)
    wanted = {rpm.nevra for rpm, _ in found}
    listed: dict[str, list[Rpm]] = {}
    for one in rpms:
        if one.nevra in wanted:
            listed.setdefault(one.nevra, []).append(one)
    twins = [
        f"{name} ({_sums(several)})" for name, several in listed.items() if len({one.checksum for one in several}) > 1
    ]
    tell_twins(chain, twins, "; the last one built is chosen")
    return [(_living(chain, rpm, listed[rpm.nevra]), why) for rpm, why in found]


def _sums(several: Sequence[Rpm]) -> str:
    return " and ".join(dict.fromkeys(f"{one.checksum[0]} {one.checksum[1][:12]}…" for one in several))


def _living(chain: YumChain, rpm: Rpm, listed: Sequence[Rpm]) -> Rpm:
    """Return the entry of the same package whose place is served; it is asked for where there are several only."""
    same = [one for one in listed if one.checksum == rpm.checksum]
    if len({one.href for one in same}) < 2:
        return rpm
    return next((one for one in (rpm, *same) if _is_there(chain, one)), rpm)


def _is_there(chain: YumChain, rpm: Rpm) -> bool:
    try:
        chain.source.about(rpm.place(chain.upstream.url))
    except UpstreamError:
        return False
    return True
