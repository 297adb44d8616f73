"""What ``init --stack gpu-node`` mirrors, in small: a distribution with kernels and dkms, NVIDIA's two repositories.

Names and dependencies are those of the real packages; everything else is a few bytes.
"""

from __future__ import annotations

import re
from pathlib import Path

from simulator.apt import DistsRepo, FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.keys import Key, KeyHome

KERNEL = "6.1.0-1-amd64"
_PLACES = {
    "nvidia/debian12/x86_64": "cuda",
    "nvidia/container-toolkit/deb/amd64": "toolkit",
    "debian/bookworm": "main",
    "debian/bookworm-updates": "updates",
    "debian/bookworm-security": "security",
}
"""Preset → folder of the stand-in."""
_DRIVER, _DCGM, _TOOLKIT = "570.86.15-1", "1:4.5.2-1", "1.17.8-1"
_DEBS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "main": (
        ("libc6", "2.36-9", ""),
        ("gcc", "12.2", "libc6"),
        ("make", "4.3", "libc6"),
        ("dkms", "3.0", "gcc, make"),
        (f"linux-headers-{KERNEL}", "6.1.1", ""),
        (f"linux-image-{KERNEL}", "6.1.1", "libc6"),
        ("libnvidia-ml1", "525.1", "libc6"),
    ),
    "updates": (("tzdata", "2025b", ""),),
    "security": (("libc6", "2.36-9+deb12u1", ""),),
    "cuda": (
        ("nvidia-open-570", _DRIVER, f"nvidia-kernel-open-dkms (= {_DRIVER}), libnvidia-ml1"),
        ("nvidia-kernel-open-dkms", _DRIVER, "dkms"),
        ("libnvidia-ml1", _DRIVER, "libc6 (>= 2.36)"),
        ("libnvidia-container1", "1.16.2-1", "libc6"),
        ("datacenter-gpu-manager-4-cuda12", _DCGM, f"datacenter-gpu-manager-4-core (= {_DCGM})"),
        ("datacenter-gpu-manager-4-core", _DCGM, "libc6"),
    ),
    "toolkit": (
        (
            "nvidia-container-toolkit",
            _TOOLKIT,
            f"nvidia-container-toolkit-base (= {_TOOLKIT}), libnvidia-container1 (>= {_TOOLKIT})",
        ),
        ("nvidia-container-toolkit-base", _TOOLKIT, "libc6"),
        ("libnvidia-container1", _TOOLKIT, "libc6"),
    ),
}
_SUITES = {"main": "bookworm", "updates": "bookworm-updates", "security": "bookworm-security"}


class GpuWorld:
    """The repositories in ``folder``, which a server shows at ``url``."""

    def __init__(self, folder: Path, url: str, keys: KeyHome, key: Key) -> None:
        self._url, self._key, self._ring = url, key, folder / "stand-in.asc"
        self._ring.write_bytes(key.armored)
        made = folder / "made"
        made.mkdir()
        for name, rows in _DEBS.items():
            debs = [write_deb(simple_deb(one, version, Depends=needs), made) for one, version, needs in rows]
            if name in _SUITES:
                suite = DistsRepo(folder / name, keys, key, suite=_SUITES[name])
                suite.add(*debs)
                suite.publish()
            else:
                flat = FlatRepo(folder / name, keys, key)
                flat.add(*debs)
                flat.publish()

    def stands_in(self, toml: str) -> str:
        """Return a cudepot.toml that takes URL and key of each preset from here, as from a mirror of one's own."""
        return re.sub(r'^preset = "([^"]+)"\n', self._place, toml, flags=re.MULTILINE)

    def _place(self, found: re.Match[str]) -> str:
        keys = f'keys = ["{self._key.fingerprint}"]\nkeyrings = ["{self._ring}"]\n'
        components = 'components = ["main"]\n' if _PLACES[found[1]] in _SUITES else ""
        return f'{found[0]}url = "{self._url}/{_PLACES[found[1]]}/"\n{keys}{components}'
