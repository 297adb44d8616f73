"""The main job on NVIDIA's own wheel cu13 9.12.0.46 (314 MB): every verb against what nobody can save.

Peers: ``pip download`` for fetching, rattler-build's own build of the same recipe at the same zstd level for
packing. Limits: hashing the wheel; zstd and deflate of the same bytes with as many threads.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import zstandard

from bench.measure import Measured, cudepot, timed
from bench.rows import Row

WHEEL = "nvidia-cudnn-cu13==9.12.0.46"
THREADS = 2
LEVEL = 9
_BLOCK = 1 << 20


def run(folder: Path) -> list[Row]:
    """Every verb of the main job on NVIDIA's 314 MB wheel: time, memory, peers and limits (needs the network)."""
    project = make_project(folder / "project")
    rows = [_row("lock", "lock one wheel (network)", cudepot(project, "lock"))]
    fetched = cudepot(project, "sync")
    accept_licence(project)
    wheel = max((one for one in (project / "store" / "objects").rglob("*") if one.is_file()), key=_size)
    peers = {"pip download": _pip_download(folder / "pip")}
    rows.append(_row("sync", "fetch 314 MB, verified", fetched, peers, _hash_seconds(wheel)))
    payload = unpack(wheel, folder / "payload")
    rows.append(_repackage(project, folder, payload))
    rows.append(_row("repackage", "unchanged", cudepot(project, "repackage")))
    rows.append(_row("publish", "first snapshot, 611 MB", cudepot(project, "publish")))
    rows.append(_row("publish", "unchanged", cudepot(project, "publish")))
    rows.append(_row("verify", "rehash store and site", cudepot(project, "verify")))
    return rows


def make_project(project: Path) -> Path:
    """Return a new project that pins the wheel, from the index this machine's pip uses."""
    cudepot_toml = project / "cudepot.toml"
    project.mkdir(parents=True)
    cudepot(project, "init", "--label", "bench")
    pins = f"""
[[upstream]]
name = "wheels"
type = "simple"
url = "{pip_index_url()}"

[[pin]]
upstream = "wheels"
packages = ["{WHEEL}"]
recipe = "cudnn"
"""
    cudepot_toml.write_text(cudepot_toml.read_text() + pins)
    return project


def pip_index_url() -> str:
    """Return the package index this machine's pip is configured with, or pip's own default."""
    ask = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    told = os.environ.get("PIP_INDEX_URL") or subprocess.run(ask, capture_output=True, text=True, check=False).stdout
    if told.strip():
        return told.strip()
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def accept_licence(project: Path) -> None:
    """Put the hash that ``cudepot repackage`` asks about into accept-eula, and lock again."""
    refused = cudepot(project, "repackage", check=False)
    found = re.search(r"sha256 ([0-9a-f]{64})", refused.stderr)
    assert found, refused.stderr
    toml = project / "cudepot.toml"
    toml.write_text(toml.read_text().replace("accept-eula = []", f'accept-eula = ["{found[1]}"]'))
    cudepot(project, "lock")


def unpack(wheel: Path, into: Path) -> Path:
    """Unpack the wheel for the peers and the limits; not part of any measured time."""
    code = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, str(wheel), str(into)], check=True)
    return into


def _repackage(project: Path, folder: Path, payload: Path) -> Row:
    ours = cudepot(project, "repackage")
    files = sorted(one for one in payload.rglob("*") if one.is_file())
    limit = _zstd_seconds(files) + _deflate_seconds(files)
    peers = {"rattler-build + zipfile": _rattler_build(folder, payload) + _zipfile_seconds(folder, files)}
    return _row("repackage", "conda (zstd 9) and wheel (deflate 6)", ours, peers, limit)


def _rattler_build(folder: Path, payload: Path) -> float:
    """Build cudepot's recipe with rattler-build itself, from an unpacked tree, at the same level."""
    tree = folder / "tree"
    (tree / "lib").mkdir(parents=True)
    (payload / "nvidia" / "cudnn" / "include").rename(tree / "include")
    for library in (payload / "nvidia" / "cudnn" / "lib").glob("*.so.9"):
        library.rename(tree / "lib" / (library.name + ".12.0"))
        (tree / "lib" / library.name).symlink_to(library.name + ".12.0")
        (tree / "lib" / library.stem).symlink_to(library.name)
    next(payload.rglob("License.txt")).rename(tree / "LICENSE")
    os.environ["CUDEPOT_PAYLOAD"] = str(tree)
    code = Path(__file__).with_name("rattler_build_child.py")
    return timed(sys.executable, code, folder / "rattler-out", str(LEVEL))


def _zipfile_seconds(folder: Path, files: list[Path]) -> float:
    """Write the same members as a wheel with the standard library, one after the other."""
    code = (
        "import sys, zipfile\n"
        "with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED, compresslevel=6) as z:\n"
        "    for f in sys.argv[2:]: z.write(f)"
    )
    return timed(sys.executable, "-c", code, folder / "peer.whl", *(one for one in _present(folder, files)))


def _present(folder: Path, files: list[Path]) -> list[Path]:
    moved = [one for one in (folder / "tree").rglob("*") if one.is_file() and not one.is_symlink()]
    return moved or files


def _pip_download(into: Path) -> float:
    return timed(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-cache-dir", "-d", into, WHEEL)


def _hash_seconds(path: Path) -> float:
    start = time.perf_counter()
    with path.open("rb") as handle:
        hashlib.file_digest(handle, "sha256")
    return time.perf_counter() - start


def _zstd_seconds(files: list[Path]) -> float:
    start = time.perf_counter()
    engine = zstandard.ZstdCompressor(level=LEVEL, threads=THREADS).compressobj()
    for block in _blocks(files):
        engine.compress(block)
    engine.flush()
    return time.perf_counter() - start


def _deflate_seconds(files: list[Path]) -> float:
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        for batch in _batches(files):
            list(pool.map(lambda block: zlib.compress(block, 6), batch))
    return time.perf_counter() - start


def _batches(files: list[Path]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for block in _blocks(files):
        batch.append(block)
        if len(batch) == 64:
            yield batch
            batch = []
    yield batch


def _blocks(files: list[Path]) -> Iterator[bytes]:
    for path in files:
        with path.open("rb") as handle:
            while block := handle.read(_BLOCK):
                yield block


def _size(path: Path) -> int:
    return path.stat().st_size


def _row(verb: str, work: str, ours: Measured, peers: dict[str, float] | None = None, limit: float = 0.0) -> Row:
    return Row("main", f"{verb}: {work}", ours.seconds, peers or {}, limit, ours.rss_mb, ours.child_rss_mb)
