"""Proves a conda channel: every package it shows can be installed from it alone, on some machine of its platform."""

from __future__ import annotations

from collections.abc import Mapping

from cudepot.builders.channel_proof import prove_channel
from cudepot.catalog.config.config import Config
from cudepot.catalog.lock import Lock
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.verdicts import Verdict, last_verdict, verdict
from cudepot.digest import Digest
from cudepot.store.local import LocalStore

_METHOD = 2
"""Raised whenever the proof asks for more or less than it did."""
_INDEX = "/repodata.json"


def unsolvable(
    config: Config, store: LocalStore, lock: Lock, name: str, files: Mapping[str, Digest]
) -> list[Unsolvable]:
    """Return the packages of a channel that cannot be installed; where it is open, another one may provide names.

    Args:
        config: cudepot.toml.
        store: the store.
        lock: what the channel was made of; not looked at, because the packages say all it takes.
        name: ``conda/NAME``.
        files: paths below the channel's folder → content.
    """
    del lock
    return list(_verdict(config, store, name, files).unsolvable)


def foreign(config: Config, store: LocalStore, tree: Mapping[str, Digest]) -> tuple[str, ...]:
    """Return a line that says which packages another channel has to provide for the channel in a tree."""
    channel = f"conda/{config.site.channel}"
    files = {path.removeprefix(f"{channel}/"): one for path, one in tree.items() if path.startswith(f"{channel}/")}
    names = _verdict(config, store, channel, files).foreign if files else ()
    return (f"{channel}: another channel (such as conda-forge) must provide {', '.join(names)}",) if names else ()


def was_solvable(config: Config, store: LocalStore) -> bool:
    """Return whether all of the channel that `publish` looked at last can be installed; False where none was."""
    found = last_verdict(store, f"conda/{config.site.channel}")
    return found is not None and not found.unsolvable


def _verdict(config: Config, store: LocalStore, name: str, files: Mapping[str, Digest]) -> Verdict:
    indexes = {path.removesuffix(_INDEX): digest for path, digest in files.items() if path.endswith(_INDEX)}
    closed = config.build.closed_channel

    def prove() -> Verdict:
        found = prove_channel({one: store.path(digest) for one, digest in indexes.items()}, closed=closed)
        rows = (
            Unsolvable(name, f"{package} ({platform})", f"needs {spec}", why)
            for platform, package, spec, why in found.unsolvable
        )
        return Verdict(tuple(rows), found.foreign)

    grounds = [_METHOD, closed, sorted((subdir, digest.sha256) for subdir, digest in indexes.items())]
    return verdict(store, name, grounds, prove)
