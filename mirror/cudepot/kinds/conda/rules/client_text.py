"""Configuration for clients that see the site alone: conda's, mamba's and pixi's. Pure.

Formats: conda's configuration with its ``#!final`` flag. conda joins the lists of all its files, so one below ``/root``
or in a home could only add the site to the channels that an installer (Miniforge) has set. ``/etc/conda/.condarc`` is
read first, and what is final there is joined with nothing. conda looks for a channel's name in ``custom_multichannels``
and ``custom_channels``, where the name comes after the URL, then below ``channel_alias``; a URL below one of
``migrated_channel_aliases`` it takes for a name there. mamba and micromamba take the flag for a comment, but read no
other file than the one that ``MAMBARC`` names (mamba issue 4287). pixi asks a mirror in place of the URLs that its
manifests and lock files have (``mirrors`` of ``config.toml``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

import tomli_w

from cudepot.kinds.rules.client_head import head

CONDARC, MAMBARC, PIXI = "etc/conda/.condarc", "etc/conda/.mambarc", "etc/pixi/config.toml"
ALIAS = "https://conda.anaconda.org"
"""Where clients look for a channel that has a name and no URL."""


class Seen(NamedTuple):
    """What a client is to see of a site.

    Attributes:
        label: who the site is.
        url: where clients see it, without a slash at the end.
        alias: URL below which it has the channels it mirrors, by their names; without a slash at the end.
        channels: URLs of the channels to use, the first asked first.
        mirrored: URL of a channel that the site mirrors → its name there; without slashes at their ends.
    """

    label: str
    url: str
    alias: str
    channels: tuple[str, ...]
    mirrored: Mapping[str, str]

    @property
    def places(self) -> dict[str, str]:
        """URL of a channel that the site mirrors → where it is on the site."""
        return {url: f"{self.alias}/{name}" for url, name in self.mirrored.items()}

    @property
    def named(self) -> dict[str, str]:
        """What clients call a channel → where it is on the site, of those that have their own names there."""
        return {name: self.alias for url, name in self.mirrored.items() if url.endswith(f"/{name}")}

    @property
    def renamed(self) -> dict[str, list[str]]:
        """The same of the others."""
        return {called(url): [place] for url, place in self.places.items() if called(url) not in self.named}


def called(url: str) -> str:
    """Return what clients call a channel.

    >>> called("https://conda.anaconda.org/nvidia/label/cuda-12.9.1")
    'nvidia/label/cuda-12.9.1'
    """
    return url.partition("://")[2].partition("/")[2]


def conda_files(seen: Seen) -> dict[str, bytes]:
    """Return a ``.condarc`` that leaves conda no other channels."""
    # no allowlist: conda-build and conda-lock work with channels of their own
    hosts = [url.removesuffix(f"/{name}") for url, name in seen.mirrored.items() if name in seen.named]
    more: Mapping[str, object] = {
        "custom_channels": seen.named,
        "custom_multichannels": seen.renamed,
        "migrated_channel_aliases": list(dict.fromkeys([ALIAS, *hosts])),
    }
    return {CONDARC: _rc(seen, CONDARC, more, "  #!final")}


def mamba_files(seen: Seen) -> dict[str, bytes]:
    """Return a ``.mambarc``, and what makes it the only file that mamba and micromamba read."""
    profile = f"etc/profile.d/{seen.label}-mamba.sh"
    only = f"export MAMBARC=/{MAMBARC}\n"
    mirrors = {called(url): [place] for url, place in seen.places.items()}
    return {
        MAMBARC: _rc(seen, MAMBARC, {"mirrored_channels": mirrors}),
        profile: (head(seen.label, profile) + only).encode(),
    }


def pixi_files(seen: Seen) -> dict[str, bytes]:
    """Return a ``config.toml`` with the channels of new workspaces, and mirrors for those that exist."""
    others = {url: [place] for url, place in seen.places.items() if url != f"{ALIAS}/{seen.mirrored[url]}"}
    mirrors = {ALIAS: [seen.alias], **others}
    text = tomli_w.dumps({"default-channels": list(seen.channels), "mirrors": mirrors})
    return {PIXI: (head(seen.label, PIXI) + text).encode()}


TOOLS: Mapping[str, Callable[[Seen], dict[str, bytes]]] = {
    "conda": conda_files,
    "mamba": mamba_files,
    "pixi": pixi_files,
}
"""Program → its files by their path on the client."""


def _rc(seen: Seen, path: str, more: Mapping[str, object], flag: str = "") -> bytes:
    keys: Mapping[str, object] = {
        "channels": list(seen.channels),
        "default_channels": list(seen.channels),
        "channel_alias": seen.alias,
        "channel_priority": "strict",
        **more,
    }
    lines = [f"{key}:{_value(value, flag)}\n" for key, value in keys.items() if value]
    return (head(seen.label, path) + "".join(lines)).encode()


def _value(value: object, flag: str) -> str:
    """Return a value as YAML, with the flag where conda looks for it: text as JSON has it is YAML, too."""
    if isinstance(value, dict):
        return flag + "".join(f"\n  {json.dumps(name)}: {json.dumps(one)}" for name, one in value.items())
    if isinstance(value, list):
        return flag + "".join(f"\n  - {json.dumps(one)}" for one in value)
    return f" {json.dumps(value)}{flag}"
