"""Nothing changed upstream: how many requests, how long (a small NVIDIA on loopback)."""

from __future__ import annotations

from pathlib import Path

from tests.upstream.nvidia import Artifacts, Nvidia

from bench.measure import cudepot
from bench.rows import Row


def run(folder: Path) -> list[Row]:
    """A no-change lock and sync against a loopback apt repository and wheel index: one request per upstream."""
    artifacts = Artifacts(folder / "artifacts")
    try:
        with Nvidia(artifacts, folder / "upstream") as nvidia:
            return _rows(folder / "project", nvidia)
    finally:
        artifacts.keys.close()


def _rows(project: Path, nvidia: Nvidia) -> list[Row]:
    project.mkdir()
    cudepot(project, "init", "--label", "bench")
    toml = project / "cudepot.toml"
    toml.write_text(toml.read_text() + _pins(nvidia))
    cudepot(project, "lock")
    cudepot(project, "sync")
    nvidia.server.forget()
    again = [cudepot(project, "lock"), cudepot(project, "sync")]
    seconds = sum(one.seconds for one in again)
    work = "lock + sync, nothing new, 2 upstreams"
    return [
        Row("nochange", work, seconds, rss_mb=max(one.rss_mb for one in again), requests=len(nvidia.server.requests))
    ]


def _pins(nvidia: Nvidia) -> str:
    return f"""
[[upstream]]
name = "ubuntu2004/x86_64"
type = "apt"
url = "{nvidia.apt_url}"
keys = ["{nvidia.key.fingerprint}"]
keyrings = ["{nvidia.key_file}"]

[[upstream]]
name = "wheels"
type = "simple"
url = "{nvidia.simple_url}"

[[pin]]
upstream = "ubuntu2004/x86_64"
packages = ["libcudnn8=8.0.5.39-1+cuda11.1", "libcudnn8-dev=8.0.5.39-1+cuda11.1"]

[[pin]]
upstream = "wheels"
packages = ["nvidia-cudnn-cu11==8.0.5.39"]
"""
