"""Configuration for clients that see the site alone: conda's, mamba's and pixi's. Pure.

Formats: conda's configuration with its ``#!final`` flag. conda joins the lists of all its files, so one below ``/root``
or in a home could only add the site to the channels that an installer (Miniforge) has set. ``/etc/conda/.condarc`` is
read first, and what is final there is joined with nothing. mamba and micromamba take the flag for a comment, but read
no other file than the one that ``MAMBARC`` names (mamba issue 4287). pixi asks a mirror in place of the URLs that its
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
        mirrors: URL of a channel that is no name below :data:`ALIAS` → where the site has it; without slashes.
    """

    label: str
    url: str
    alias: str
    channels: tuple[str, ...]
    mirrors: Mapping[str, str]


def conda_files(seen: Seen) -> dict[str, bytes]:
    """Return a ``.condarc`` that leaves conda no other channels."""
    # no allowlist: conda-build and conda-lock work with channels of their own
    return {CONDARC: _rc(seen, CONDARC, "  #!final")}


def mamba_files(seen: Seen) -> dict[str, bytes]:
    """Return a ``.mambarc``, and what makes it the only file that mamba and micromamba read."""
    profile = f"etc/profile.d/{seen.label}-mamba.sh"
    only = f"export MAMBARC=/{MAMBARC}\n"
    return {MAMBARC: _rc(seen, MAMBARC), profile: (head(seen.label, profile) + only).encode()}


def pixi_files(seen: Seen) -> dict[str, bytes]:
    """Return a ``config.toml`` with the channels of new workspaces, and mirrors for those that exist."""
    mirrors = {ALIAS: [seen.alias], **{url: [ours] for url, ours in seen.mirrors.items()}}
    text = tomli_w.dumps({"default-channels": list(seen.channels), "mirrors": mirrors})
    return {PIXI: (head(seen.label, PIXI) + text).encode()}


TOOLS: Mapping[str, Callable[[Seen], dict[str, bytes]]] = {
    "conda": conda_files,
    "mamba": mamba_files,
    "pixi": pixi_files,
}
"""Program → its files by their path on the client."""


def _rc(seen: Seen, path: str, flag: str = "") -> bytes:
    listed = "".join(f"  - {json.dumps(one)}\n" for one in seen.channels)
    lines = [
        *(f"{key}:{flag}\n{listed}" for key in ("channels", "default_channels")),
        f"channel_alias: {json.dumps(seen.alias)}{flag}\n",
        f"channel_priority: strict{flag}\n",
    ]
    return (head(seen.label, path) + "".join(lines)).encode()
