"""``cudepot bundle inspect``: what a volume says of itself; nothing is unpacked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cudepot.ports import Verifier
from cudepot.workflows.bundle.volume import open_volume


@dataclass(frozen=True, slots=True)
class Inspected:
    """One volume.

    Attributes:
        signer: fingerprint the manifest names; ``verified`` tells whether that key's signature was checked.
        base, number: the snapshot the far side must have (0: none), and the one the bundle brings.
        volume, volumes: which one this is, of how many.
        objects: sha256 of what it holds; ``bytes`` together.
        roots: upstreams whose own signature travels along.
        channels: what each channel of the site showed; none without channels.
        records: how many records of promotions are in the bundle.
        tags: names of snapshots.
    """

    file: str
    signer: str
    verified: bool
    base: int
    number: int
    volume: int
    volumes: int
    objects: tuple[str, ...]
    bytes: int
    roots: tuple[str, ...]
    channels: Mapping[str, int]
    records: int
    tags: Mapping[str, int]


def inspect(file: Path, verifier: Verifier | None) -> Inspected:
    """Return what a volume holds; ``verifier`` trusts the site's key, where a project pins one."""
    one = open_volume(file, verifier)
    return Inspected(
        str(file),
        one.manifest.signer,
        verifier is not None,
        one.manifest.base.number,
        one.manifest.number,
        one.number,
        len(one.manifest.volumes),
        tuple(member.sha256 for member in one.members),
        sum(member.size for member in one.members),
        tuple(f"{root.upstream}: {root.path}" for root in one.manifest.roots),
        dict(one.manifest.channels),
        len(one.manifest.records or ()),
        dict(one.manifest.tags),
    )
