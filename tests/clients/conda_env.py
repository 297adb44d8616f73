"""Creates conda environments with the real solver and installer (py-rattler), and a stand-in for conda-forge.

Every call works in a child process with caches of its own, strict channel priority, and the virtual package
``__cuda`` set as on a machine with such a driver.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.process import clean_env, run
from simulator.wheels import cublas_library

_CHILD = Path(__file__).with_name("conda_child.py")


@dataclass(frozen=True)
class Record:
    """One package of a solution."""

    name: str
    version: str
    build: str
    subdir: str
    channel: str
    url: str
    sha256: str
    depends: tuple[str, ...]
    constrains: tuple[str, ...]


def create(
    channel_urls: Sequence[str | Path], specs: Sequence[str], prefix: Path, *, platform: str = "linux-64",
    cuda: str = "11.1", within: Sequence[str] = (), config: str = "",
) -> dict[str, Record]:  # fmt: skip
    """Solve ``specs`` and install the solution into ``prefix``; return it by package name.

    ``cuda`` is what the driver offers; empty means a machine without one. The first channel that has a
    package is the only one it may come from. ``within`` stands before the command, as what enters a network
    namespace does. ``config`` is a ``config.toml`` as pixi has it: its mirrors are asked instead, and its default
    channels where no channel is given.

    Raises:
        ToolError: with the solver's explanation, when there is no solution or a package is damaged.
    """
    return _solve(channel_urls, specs, prefix.parent / f"{prefix.name}-cache", prefix, platform, cuda, within, config)


def solve(
    channel_urls: Sequence[str | Path], specs: Sequence[str], cache: Path, *, platform: str = "linux-64",
    cuda: str = "11.1", form: str = "",
) -> dict[str, Record]:  # fmt: skip
    """Solve only, for this or another platform.

    Args:
        channel_urls, specs, platform, cuda: as above.
        cache: folder for downloaded repodata.
        form: of the index that is read: ``shards``, ``zst`` or ``plain``; empty for what the solver likes best.
    """
    return _solve(channel_urls, specs, cache, None, platform, cuda, (), "", form)


def unlock(
    lock: Path, prefix: Path, *, platform: str = "linux-64", mirrors: Mapping[str, str] | None = None
) -> dict[str, Record]:
    """Install what a pixi.lock or an explicit file names into ``prefix``; return it by package name.

    ``mirrors`` is what pixi's configuration says under ``[mirrors]``: channel → where it is taken from instead.

    Raises:
        ToolError: a package is not there, or is not what the lock says.
    """
    job = {
        "lock": str(lock), "platform": platform, "cache": str(prefix.parent / f"{prefix.name}-cache"),
        "prefix": str(prefix), "mirrors": {channel: [place] for channel, place in (mirrors or {}).items()},
    }  # fmt: skip
    found = _child("unlock", job, Path(job["cache"]), CONDA_OVERRIDE_CUDA="")
    return {one["name"]: Record(**{key: _frozen(value) for key, value in one.items()}) for one in found}


def _solve(channels: Sequence[str | Path], specs: Sequence[str], cache: Path, *rest: Any) -> dict[str, Record]:
    prefix, platform, cuda, within, config, form = (*rest, "")[:6]
    job = {
        "channels": [one if isinstance(one, str) else one.resolve().as_uri() for one in channels],
        "specs": list(specs), "platform": platform, "cache": str(cache), "prefix": str(prefix) if prefix else "",
        "config": config, "form": form,
    }  # fmt: skip
    found = _child("create", job, cache, within, CONDA_OVERRIDE_CUDA=cuda)
    return {one["name"]: Record(**{key: _frozen(value) for key, value in one.items()}) for one in found}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _child(name: str, job: dict[str, Any], home: Path, within: Sequence[str] = (), **env: str) -> list[dict[str, Any]]:
    home.mkdir(parents=True, exist_ok=True)
    place = clean_env(HOME=str(home), RATTLER_AUTH_FILE=os.devnull, **env)
    done = run(*within, sys.executable, _CHILD, name, env=place, stdin=json.dumps(job))
    result: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return result


def standin_channel(path: Path, platform: str = "linux-64") -> Path:
    """Make a small local channel with conda-forge's names and constraints, and return its folder.

    ``cudatoolkit`` and ``libcublas`` hold stand-in cuBLAS libraries, everything else is empty.
    """
    packages = [
        *(_cudatoolkit(path, platform, version) for version in ("10.2.89", "11.1.1")),
        *(_cuda_version(version) for version in ("10.2", "11.1", "12.9", "13.0")),
        *(_libcublas(path, platform, *one) for one in _LIBCUBLAS.items()),
        *(_nvrtc(platform, version) for version in ("12.9", "13.0")),
        *(_package(name, version, platform) for name, version in _PLAIN.items()),
    ]
    for package in packages:
        package["files"] = package["files"] or str(_folder(path, "nothing"))
    _child("channel", {"channel": str(path), "packages": packages}, path.parent / f"{path.name}-home")
    return path


def channel_of(path: Path, name: str, version: str, files: Path) -> Path:
    """Make a local channel with one package of the files in a folder, and return its own folder."""
    return channel_with(path, described(name, version, files))


def channel_with(path: Path, *packages: dict[str, Any]) -> Path:
    """Make a local channel of packages that rattler-build packs, and return its own folder."""
    _child("channel", {"channel": str(path), "packages": packages}, path.parent / f"{path.name}-home")
    return path


def described(name: str, version: str, files: Path, platform: str = "linux-64", **more: Any) -> dict[str, Any]:
    """Return what :func:`channel_with` is to know of a package; ``noarch`` among ``more`` is "generic" or "python"."""
    return _package(name, version, platform, files=str(files), **more)


_LIBCUBLAS = {"11.11.3.6": "11", "12.9.1.4": "12.9", "13.1.0.3": "13.0"}
_PLAIN = {
    "libgcc-ng": "14.2.0", "libstdcxx-ng": "14.2.0", "libgcc": "14.2.0", "libstdcxx": "14.2.0",
    "libzlib": "1.3.1", "zlib": "1.3.1",
    "libzlib-wapi": "1.3.1", "ucrt": "10.0.22621.0", "vc": "14.3", "vc14_runtime": "14.44.35208",
}  # fmt: skip


def _package(name: str, version: str, platform: str, **more: Any) -> dict[str, Any]:
    plain = {"build": "standin_0", "depends": [], "constrains": [], "files": ""}
    return {"name": name, "version": version, "platform": platform, **plain, **more}


def _cudatoolkit(path: Path, platform: str, version: str) -> dict[str, Any]:
    short = version.rpartition(".")[0]
    files = str(_cublas_files(path, version.split(".", maxsplit=1)[0]))
    return _package("cudatoolkit", version, platform, constrains=[f"__cuda >={short}"], files=files)


def _cuda_version(version: str) -> dict[str, Any]:
    limits = [f"cudatoolkit {version}|{version}.*", f"__cuda >={version.split('.', maxsplit=1)[0]}"]
    return _package("cuda-version", version, "noarch", constrains=limits)


def _libcublas(path: Path, platform: str, version: str, cuda: str) -> dict[str, Any]:
    files = str(_cublas_files(path, version.split(".", maxsplit=1)[0]))
    return _package("libcublas", version, platform, depends=[f"cuda-version {_within(cuda)}"], files=files)


def _nvrtc(platform: str, version: str) -> dict[str, Any]:
    return _package("cuda-nvrtc", f"{version}.86", platform, depends=[f"cuda-version {_within(version)}"])


def _within(cuda: str) -> str:
    """Return the range conda-forge writes: 12.9 → >=12.9,<12.10.0a0; 11 → >=11,<12.0a0."""
    head, _, last = cuda.rpartition(".")
    return f">={cuda},<{head}.{int(last) + 1}.0a0" if head else f">={cuda},<{int(cuda) + 1}.0a0"


def _cublas_files(path: Path, major: str) -> Path:
    folder = _folder(path, f"cublas-{major}")
    (folder / "lib").mkdir(exist_ok=True)
    for stem in ("libcublas", "libcublasLt"):
        (folder / "lib" / f"{stem}.so.{major}").write_bytes(cublas_library(stem, major))
    return folder


def _folder(path: Path, name: str) -> Path:
    folder = path.parent / f"{path.name}-files" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
