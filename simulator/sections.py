"""Sections of cudepot.toml for what the simulator serves: an upstream each, and pins on it."""

from __future__ import annotations

from pathlib import Path

from simulator.nvidia import Nvidia


def apt_upstream(nvidia: Nvidia, packages: tuple[str, ...], extra: str = "") -> str:
    """Return the sections for NVIDIA's flat apt repository and pins on it."""
    listed = ", ".join(f'"{one}"' for one in packages)
    return f"""
[[upstream]]
name = "ubuntu2004/x86_64"
type = "apt"
url = "{nvidia.apt_url}"
keys = ["{nvidia.key.fingerprint}"]
keyrings = ["{nvidia.key_file}"]

[[pin]]
upstream = "ubuntu2004/x86_64"
packages = [{listed}]
{extra}
"""


def wheel_upstream(url: str, *pins: str) -> str:
    """Return the sections for a wheel index; each pin is ``REQUIREMENT`` or ``REQUIREMENT | more = "lines"``."""
    text = f"""
[[upstream]]
name = "wheels"
type = "simple"
url = "{url}"
"""
    for pin in pins:
        requirement, _, extra = pin.partition("|")
        text += f'\n[[pin]]\nupstream = "wheels"\npackages = ["{requirement.strip()}"]\n{extra.strip()}\n'
    return text


def folder_upstream(folder: Path, glob: str, extra: str = "") -> str:
    """Return the sections for a folder of downloads."""
    return f"""
[[upstream]]
name = "downloads"
type = "folder"
path = "{folder}"

[[pin]]
upstream = "downloads"
packages = ["{glob}"]
{extra}
"""
