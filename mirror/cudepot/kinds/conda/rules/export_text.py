"""Pins for conda: explicit files, an ``environment.yml``, a fragment of ``pixi.toml``. Pure.

Formats: ``@EXPLICIT`` files as ``conda list --explicit --sha256`` (conda 24.9 and later) and ``--md5`` write them,
conda's environment files, pixi's manifest. The packages are one consistent set for one platform.
"""

from __future__ import annotations

import json
import shlex

import tomli_w

from cudepot.catalog.ecosystems import HeldKind
from cudepot.catalog.site.holdings import Held, SiteFacts

PLATFORM = "linux-64"


def explicit(site: SiteFacts, url: str, platform: str) -> str:
    """Return an explicit file: URLs with sha256, which conda, mamba and pixi install without solving."""
    return _explicit(site, platform, [f"{one.url(url)}#sha256:{one.digest.sha256}" for one in site.of(HeldKind.CONDA)])


def explicit_md5(site: SiteFacts, url: str, platform: str) -> str:
    """Return the same for conda before 24.9, which knows MD5 alone."""
    return _explicit(site, platform, [f"{one.url(url)}#{one.md5}" for one in site.of(HeldKind.CONDA)])


def _explicit(site: SiteFacts, platform: str, lines: list[str]) -> str:
    missing = [f"# without {', '.join(site.elsewhere)}: not on this site, and conda will not look for them"]
    head = [f"# snapshot {site.number} of {site.label}", f"# platform: {platform}"]
    return "\n".join([*head, *(missing if site.elsewhere else []), "@EXPLICIT", *lines, ""])


def environment(site: SiteFacts, url: str, platform: str) -> str:
    """Return an ``environment.yml``: the site's channel alone, packages by version and build.

    Not ``nodefaults``, which conda 26.7 takes for a channel: what else a machine's conda asks is for its configuration
    to say.
    """
    channel, specs = f"{url}/{site.channel}", [_spec(one) for one in site.of(HeldKind.CONDA)]
    alone = " ".join(["conda create -n", shlex.quote(site.label), "--override-channels -c", shlex.quote(channel)])
    lines = [
        f"# snapshot {site.number} of {site.label}, {platform}",
        *_other_channels(site, alone, specs),
        f"name: {json.dumps(site.label)}",
        "channels:",
        f"  - {json.dumps(channel)}",
        "dependencies:",
        *(f"  - {json.dumps(one)}" for one in specs),
    ]
    return "\n".join([*lines, ""])


def _other_channels(site: SiteFacts, alone: str, specs: list[str]) -> list[str]:
    if site.elsewhere:
        return [f"# add the channel that has {', '.join(site.elsewhere)} below ours"]
    return [
        "# conda asks the channels of the machine's configuration, too: `cudepot client conda` writes one that has",
        f"# only this; or {alone} {' '.join(map(shlex.quote, specs))}",
    ]


def _spec(one: Held) -> str:
    return f"{one.name}={one.version}={one.build}"


def pixi(site: SiteFacts, url: str, platform: str) -> str:
    """Return a fragment of ``pixi.toml``: each package from the site's channel, wherever others come from."""
    channel = f"{url}/{site.channel}"
    packages = {
        one.name: {"version": f"=={one.version}", "build": one.build, "channel": channel}
        for one in site.of(HeldKind.CONDA)
    }
    table = {"dependencies": packages} if platform == PLATFORM else {"target": {platform: {"dependencies": packages}}}
    told = f"# snapshot {site.number} of {site.label}; {channel} has to be among workspace.channels"
    return f"{told}\n{tomli_w.dumps(table)}"
