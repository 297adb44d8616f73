"""Configuration for clients that see the site alone: conda's ``.condarc``. Pure.

Format: conda's configuration with its ``#!final`` flag. conda joins the lists of all its files, so one below ``/root``
or in a home could only add the site to the channels that an installer (Miniforge) has set. ``/etc/conda/.condarc`` is
read first, and what is final there is joined with nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from cudepot.kinds.rules.client_head import head

CONDARC = "etc/conda/.condarc"


def condarc(label: str, url: str, channel: str, also: Sequence[str] = ()) -> bytes:
    """Return a ``.condarc`` that leaves conda no channel but these.

    Args:
        label: who the site is.
        url: where clients see the site, without a slash at the end.
        channel: path of its conda channel.
        also: URLs of further channels, asked after it.
    """
    channels = [f"{url}/{channel}", *(one.rstrip("/") for one in also)]
    listed = "".join(f"  - {json.dumps(one)}\n" for one in channels)
    keys = ("channels", "default_channels")  # no allowlist: conda-build and conda-lock work with channels of their own
    return "".join(
        [
            head(label, CONDARC),
            *(f"{key}:  #!final\n{listed}" for key in keys),
            f"channel_alias: {json.dumps(f'{url}/conda')}  #!final\n",
            "channel_priority: strict  #!final\n",
        ]
    ).encode()
