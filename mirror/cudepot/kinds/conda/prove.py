"""Proves a conda channel: every package it shows can be installed from it alone, on some machine of its platform."""

from __future__ import annotations

from collections.abc import Mapping

from cudepot.builders.channel_proof import prove_channel
from cudepot.catalog.lock import Lock
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.depot import Depot
from cudepot.depot.verdicts import Verdict, last_verdict, verdict
from cudepot.digest import Digest

_METHOD = 1
"""Raised whenever the proof asks for more or less than it did."""
_INDEX = "/repodata.json"


def unsolvable(depot: Depot, lock: Lock, name: str, files: Mapping[str, Digest]) -> list[Unsolvable]:
    """Return the packages of a channel that cannot be installed; where it is open, another one may provide names.

    Args:
        depot: the depot; its store holds the indexes.
        lock: what the channel was made of; not looked at, because the packages say all it takes.
        name: ``conda/NAME``.
        files: paths below the channel's folder → content.
    """
    del lock
    return list(_verdict(depot, name, files).unsolvable)


def foreign(depot: Depot, tree: Mapping[str, Digest]) -> tuple[str, ...]:
    """Return a line that says which packages another channel has to provide for the channel in a tree."""
    channel = f"conda/{depot.config.site.channel}"
    files = {path.removeprefix(f"{channel}/"): one for path, one in tree.items() if path.startswith(f"{channel}/")}
    names = _verdict(depot, channel, files).foreign if files else ()
    return (f"{channel}: another channel (conda-forge) has to provide {', '.join(names)}",) if names else ()


def was_solvable(depot: Depot) -> bool:
    """Return whether all of the channel that `publish` looked at last can be installed; False where none was."""
    found = last_verdict(depot.store, f"conda/{depot.config.site.channel}")
    return found is not None and not found.unsolvable


def _verdict(depot: Depot, name: str, files: Mapping[str, Digest]) -> Verdict:
    indexes = {path.removesuffix(_INDEX): digest for path, digest in files.items() if path.endswith(_INDEX)}
    closed = depot.config.build.closed_channel

    def prove() -> Verdict:
        found = prove_channel({one: depot.store.path(digest) for one, digest in indexes.items()}, closed=closed)
        rows = (
            Unsolvable(name, f"{package} ({platform})", f"needs {spec}", why)
            for platform, package, spec, why in found.unsolvable
        )
        return Verdict(tuple(rows), found.foreign)

    grounds = [_METHOD, closed, sorted((subdir, digest.sha256) for subdir, digest in indexes.items())]
    return verdict(depot.store, name, grounds, prove)
