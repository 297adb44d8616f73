"""Nothing changed upstream: how many requests, how long (a small NVIDIA on loopback)."""

from __future__ import annotations

from pathlib import Path

from simulator.nvidia import Artifacts, Nvidia
from simulator.sections import apt_upstream, wheel_upstream

from bench.measure import cudepot
from bench.rows import Row


def run(folder: Path) -> list[Row]:
    """A no-change sync --lock against a loopback apt repository and wheel index: one request per upstream."""
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
    debs = ("libcudnn8=8.0.5.39-1+cuda11.1", "libcudnn8-dev=8.0.5.39-1+cuda11.1")
    pins = apt_upstream(nvidia, debs) + wheel_upstream(nvidia.simple_url, "nvidia-cudnn-cu11==8.0.5.39")
    toml.write_text(toml.read_text() + pins)
    cudepot(project, "lock")
    cudepot(project, "sync")
    nvidia.server.forget()
    again = [cudepot(project, "sync", "--lock")]
    seconds = sum(one.seconds for one in again)
    work = "sync --lock, nothing new, 2 upstreams"
    return [
        Row("nochange", work, seconds, rss_mb=max(one.rss_mb for one in again), requests=len(nvidia.server.requests))
    ]
