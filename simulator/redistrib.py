"""Writes a folder of redistrib manifests with the quirks of NVIDIA's: string sizes, moved keys, malformed entries."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from simulator.cudnn import CudnnRelease, write_archive
from simulator.samples import write_samples
from simulator.windows import write_zip

_PLATFORMS = {"x86_64": "linux-x86_64", "aarch64": "linux-sbsa"}


def entry(path: str, data: bytes) -> dict[str, str]:
    """Return what a manifest says of one archive."""
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return {"relative_path": path, "sha256": hashlib.sha256(data).hexdigest(), "md5": md5, "size": str(len(data))}


def write_redistrib(root: Path, *releases: CudnnRelease, windows: bool = False, samples: bool = False) -> Path:
    """Write the archives of one version's ``releases`` and its manifest below ``root``; return the manifest."""
    version = releases[0].version
    cudnn: dict[str, Any] = {
        "name": "cuDNN",
        "license": "cudnn",
        "license_path": "cudnn/LICENSE.txt",
        "version": version,
    }
    for one in releases:
        _add(root, cudnn, _PLATFORMS[one.machine], one, write_archive)
        cudnn.setdefault("cuda_variant", sorted({each.cuda for each in releases}))  # behind the first platform
        if windows and one.machine == "x86_64":
            _add(root, cudnn, "windows-x86_64", one, write_zip)
    document = {
        "release_date": "2026-09-29",
        "release_label": releases[0].short,
        "release_product": "cudnn",
        "cudnn": cudnn,
    }
    if samples:
        folder = root / "cudnn_samples/source"
        folder.mkdir(parents=True, exist_ok=True)
        path = write_samples(releases[0], folder)
        found = entry(f"cudnn_samples/source/{path.name}", path.read_bytes())
        document["cudnn_samples"] = {"name": "samples", "version": version, "source": found}
    manifest = root / f"redistrib_{releases[0].short}.json"
    manifest.write_text(json.dumps(document, indent=4))
    write_page(root)
    return manifest


def _add(root: Path, cudnn: dict[str, Any], platform: str, release: CudnnRelease, write: Any) -> None:
    folder = root / "cudnn" / platform
    folder.mkdir(parents=True, exist_ok=True)
    path = write(release, folder)
    found = entry(f"cudnn/{platform}/{path.name}", path.read_bytes())
    cudnn.setdefault(platform, {})[f"cuda{release.cuda}"] = found


def write_page(root: Path) -> None:
    """Write the folder's page, as a web server lists it."""
    links = "".join(f'<a href="{one.name}">{one.name}</a>\n' for one in sorted(root.glob("*.json")))
    (root / "index.html").write_text(f"<html><body>{links}</body></html>")
