"""Pins for conda: an explicit file, an ``environment.yml``, a fragment of ``pixi.toml``. Pure.

Formats: ``@EXPLICIT`` files as ``conda list --explicit --sha256`` writes them, conda's environment files, pixi's
manifest.
"""

from __future__ import annotations

import json

import tomli_w

from cudepot.catalog.holdings import SiteFacts, newest_builds

PLATFORM = "linux-64"


def explicit(site: SiteFacts, url: str, platform: str) -> str:
    """Return an explicit file: URLs with hashes, which conda, mamba and pixi install without solving."""
    found = newest_builds((one for one in site.of("conda") if one.platform in (platform, "noarch")), platform)
    lines = [f"{one.url(url)}#sha256:{one.digest.sha256}" for one in found]
    return "\n".join([f"# snapshot {site.number} of {site.label}", f"# platform: {platform}", "@EXPLICIT", *lines, ""])


def environment(site: SiteFacts, url: str, platform: str) -> str:
    """Return an ``environment.yml``: the site's channel alone, packages by version and build."""
    found = newest_builds((one for one in site.of("conda") if one.platform in (platform, "noarch")), platform)
    specs = [f"{one.name}={one.version}={one.build}" for one in found]
    return "\n".join(
        [
            f"# snapshot {site.number} of {site.label}, {platform}; add the channel that has CUDA and zlib below ours",
            f"name: {json.dumps(site.label)}",
            "channels:",
            f"  - {json.dumps(f'{url}/{site.channel}')}",
            "  - nodefaults",
            "dependencies:",
            *(f"  - {json.dumps(one)}" for one in specs),
            "",
        ]
    )


def pixi(site: SiteFacts, url: str, platform: str) -> str:
    """Return a fragment of ``pixi.toml``: each package from the site's channel, wherever others come from."""
    channel = f"{url}/{site.channel}"
    found = newest_builds((one for one in site.of("conda") if one.platform in (platform, "noarch")), platform)
    packages = {one.name: {"version": f"=={one.version}", "build": one.build, "channel": channel} for one in found}
    table = {"dependencies": packages} if platform == PLATFORM else {"target": {platform: {"dependencies": packages}}}
    told = f"# snapshot {site.number} of {site.label}; {channel} has to be among workspace.channels"
    return f"{told}\n{tomli_w.dumps(table)}"
