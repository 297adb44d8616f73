"""What ``init --stack gpu-node`` mirrors for Rocky Linux, in small: four repositories and NVIDIA's two, of real rpms.

NVIDIA's driver is a module stream there, and EPEL, which has dkms, does not sign its index.
"""

from __future__ import annotations

import re
from pathlib import Path

from simulator.keys import Key, KeyHome
from simulator.rpm_many import Small, small, write_many
from simulator.rpms import sign_rpms
from simulator.yum import YumRepo

KERNEL = "5.14.0-503.14.1.el9_5"
_PLACES = {
    "nvidia/rhel9/x86_64": "cuda",
    "nvidia/container-toolkit/rpm/x86_64": "toolkit",
    "epel/9/x86_64": "epel",
    "rocky/9/baseos/x86_64": "baseos",
    "rocky/9/appstream/x86_64": "appstream",
    "rocky/9/crb/x86_64": "crb",
}
"""Preset → folder of the stand-in."""
_DRIVER = "570.86.15-1.el9"
_KERNELS = tuple(small(f"kernel-{part}", KERNEL) for part in ("core", "modules", "devel"))
_RPMS: dict[str, tuple[Small, ...]] = {
    "baseos": (
        small("rocky-release", "9.5", "Provides: system-release = 9.5", "Provides: base-module(platform:el9)"),
        small("elfutils-libelf", "0.191"),
        *_KERNELS,
    ),
    "appstream": (small("kernel-headers", KERNEL), small("gcc", "11.5"), small("make", "4.3")),
    "crb": (small("elfutils-libelf-devel", "0.191", "Requires: elfutils-libelf = 0.191"),),
    "epel": (small("dkms", "3.1", "Requires: gcc", "Requires: make"),),
    "cuda": (
        small("nvidia-driver-cuda", _DRIVER, "Epoch: 3", "Requires: nvidia-kmod = 3:570.86.15"),
        small("kmod-nvidia-open-dkms", _DRIVER, "Epoch: 3", "Provides: nvidia-kmod = 3:570.86.15", "Requires: dkms"),
        small("datacenter-gpu-manager-4-cuda12", "4.5.2", "Epoch: 1", "Requires: datacenter-gpu-manager-4-core"),
        small("datacenter-gpu-manager-4-core", "4.5.2", "Epoch: 1"),
    ),
    "toolkit": (
        small("nvidia-container-toolkit", "1.17.8", "Requires: libnvidia-container1 >= 1.17.8"),
        small("libnvidia-container1", "1.17.8"),
    ),
}
_MODULE = f"""\
---
document: modulemd
version: 2
data:
  name: nvidia-driver
  stream: "570-open"
  version: 20251009011129
  context: f132e61741
  arch: x86_64
  summary: driver
  description: driver
  license: {{module: [MIT]}}
  dependencies:
  - requires: {{platform: [el9]}}
  profiles:
    default: {{rpms: [nvidia-driver-cuda, kmod-nvidia-open-dkms]}}
  artifacts:
    rpms:
    - nvidia-driver-cuda-3:{_DRIVER}.x86_64
    - kmod-nvidia-open-dkms-3:{_DRIVER}.x86_64
...
"""


class GpuWorldRpm:
    """The repositories in ``folder``, which a server shows at ``url``."""

    def __init__(self, folder: Path, url: str, keys: KeyHome, key: Key) -> None:
        self._url, self._key, self._ring = url, key, folder / "stand-in.asc"
        self._ring.write_bytes(key.armored)
        built = {name: write_many(rpms, folder / "rpms" / name) for name, rpms in _RPMS.items()}
        sign_rpms([path for paths in built.values() for path in paths], keys, key)
        for name, paths in built.items():
            repo = YumRepo(folder / name, keys, key)
            repo.database = False
            repo.documents = {"modules": _MODULE} if name == "cuda" else {}
            repo.add(*paths)
            repo.write_metadata()
            if name != "epel":
                repo.sign()

    def stands_in(self, toml: str) -> str:
        """Return a cudepot.toml that takes URL and key of each preset from here, as from a mirror of one's own."""
        return re.sub(r'^preset = "([^"]+)"\n', self._place, toml, flags=re.MULTILINE)

    def _place(self, found: re.Match[str]) -> str:
        keys = "rpm-keys" if found[1].startswith("epel/") else "keys"
        said = f'{keys} = ["{self._key.fingerprint}"]\nkeyrings = ["{self._ring}"]\n'
        return f'{found[0]}url = "{self._url}/{_PLACES[found[1]]}/"\n{said}'
