"""Packages of other channels as the lock has them: what the site's index is to say of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cudepot.catalog.lock import Artifact, LockedEnvironment
from cudepot.digest import Digest
from cudepot.errors import ConfigError, FormatError
from cudepot.formats.conda_record import REVISION, V3, checked


class Mirrored(NamedTuple):
    """A package of another channel.

    Attributes:
        record: what its channel says of it, without ``run_exports``.
        run_exports: what it says packages built against it need; empty also where that is not known.
        attested: what vouches for it (CEP 50); None where nothing does.
        revision: under which it stands in the index: empty, or ``v3``, which older clients do not see (CEP 48).
    """

    subdir: str
    filename: str
    digest: Digest
    record: Mapping[str, Any]
    run_exports: Mapping[str, Any]
    attested: Digest | None = None
    revision: str = ""

    @property
    def beside(self) -> dict[str, Digest]:
        """What is beside it in a channel: its attestations, under the name that changes and the one that does not."""
        if self.attested is None:
            return {}
        return {f"{self.path}.sigs": self.attested, f"{self.path}.sigs.{self.attested.sha256}": self.attested}

    @property
    def path(self) -> str:
        """Where it is in a channel."""
        return f"{self.subdir}/{self.filename}"

    @property
    def shown(self) -> dict[str, Any]:
        """The record as it is shown: with sha256 and size, which old channels may leave out."""
        return {**self.record, "sha256": self.digest.sha256, "size": self.digest.size}


def channels_of(locked: Sequence[Artifact], own: str) -> dict[str, list[Mirrored]]:
    """Return the packages of each mirrored channel, by its upstream's name.

    Args:
        locked: conda packages that are published as they are.
        own: name of the site's own channel.

    Raises:
        ConfigError: an upstream would be in the site's own channel.
        FormatError: the lock does not have the record of a package.
    """
    found: dict[str, list[Mirrored]] = {}
    for one in locked:
        if one.upstream.partition("/")[0] == own:
            raise ConfigError(
                f"upstream {one.upstream!r} has the name of the site's own conda channel",
                hint="name it after its channel, for example `conda-forge`, or set `channel` in [site]",
            )
        found.setdefault(one.upstream, []).append(_mirrored(one))
    return found


def members_of(environment: LockedEnvironment, channels: Mapping[str, Sequence[Mirrored]]) -> list[Mirrored]:
    """Return the packages of an environment, as far as they are there."""
    wanted = environment.places
    return [one for upstream, found in channels.items() for one in found if (upstream, one.path) in wanted]


def _mirrored(one: Artifact) -> Mirrored:
    what = f"{one.upstream}: cudepot.lock"
    try:
        record = json.loads(one.record)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what}: {one.filename} has no record ({error})", hint="run `cudepot lock`") from error
    subdir, _, filename = one.filename.partition("/")
    found = checked(filename, record, subdir, what)
    exports, revision = found.pop("run_exports", None) or {}, found.pop(REVISION, "")
    if revision not in ("", V3):
        raise FormatError(
            f"{what}: {one.filename} has format revision {str(revision)[:20]}", hint="use a newer cudepot"
        )
    attested = one.provenance.digest if one.provenance else None
    return Mirrored(subdir, filename, one.digest, found, exports, attested, revision)
