"""The hashes that pins give (``[pin.sha256]``): each is held against the artifact of that name, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cudepot.catalog.config.config import Pin
from cudepot.catalog.lock import Artifact
from cudepot.errors import PinError, TrustError

_SHOWN = 8  # file names in a hint


def pinned_hashes(pins: Iterable[Pin]) -> dict[str, str]:
    """Return file name → sha256 as the pins give it.

    Raises:
        PinError: two pins give two hashes for one name.
    """
    found: dict[str, str] = {}
    for name, sha256 in (pair for pin in pins for pair in pin.sha256):
        if found.setdefault(name, sha256) != sha256:
            raise PinError(
                f"pins give two hashes for {name}: {found[name]} and {sha256}", hint="keep only the right one"
            )
    return found


def check_hashes(pins: Sequence[Pin], artifacts: Sequence[Artifact], where: str, *, complete: bool = True) -> None:
    """Hold the hashes that pins give against the artifacts of their upstream; a hash nobody checks is refused.

    Args:
        pins: of one upstream.
        artifacts: what they resolved to, with their dependencies.
        where: URL or folder of the upstream.
        complete: whether all pins were resolved; else a name may belong to one that was not.

    Raises:
        TrustError: an artifact has another hash.
        PinError: no artifact has the name a hash is given for.
    """
    wanted = pinned_hashes(pins)
    if not wanted:
        return
    there = {name: one for one in artifacts for name in (one.filename, one.path.rpartition("/")[2])}
    for name, sha256 in wanted.items():
        if name not in there and not complete:
            continue
        if name not in there:
            near = ", ".join(sorted({one.filename for one in artifacts})[:_SHOWN]) or "none"
            raise PinError(
                f"[pin.sha256] names {name}, which the pins on {where} do not match: its hash would not be checked",
                hint=f"correct the file name, or remove the line; files matched: {near}",
            )
        if there[name].digest.sha256 != sha256:
            raise TrustError(
                f"{where}: {name}: sha256 is {there[name].digest.sha256}, the pin says {sha256}",
                hint="NVIDIA has shipped different files under one name before: find out which is right; change "
                "the pin "
                "only if the file there now is",
            )
