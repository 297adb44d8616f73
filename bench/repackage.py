"""Packing NVIDIA's own libraries (cu13 9.12.0.46, 430 MB; cu11 8.5.0.96, 901 MB) against zstd, zipfile, rattler-build.

Each row packs what is unpacked already: the store's objects for cudepot, a folder for rattler-build, one file for
``zstd -T2``; conda-build is measured where it is installed. Limit of a conda row: zstd alone on the same bytes. Row
``unchanged``: ``cudepot repackage`` when nothing changed. The wheels are downloaded by pip, or taken from the folder
that CUDEPOT_BENCH_WHEELS names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.main_job import accept_licence, make_project, pip_index_url
from bench.measure import cudepot, timed
from bench.rows import Row

WHEELS = {"cu13 9.12.0.46": "nvidia-cudnn-cu13==9.12.0.46", "cu11 8.5.0.96": "nvidia-cudnn-cu11==8.5.0.96"}
CONDA = ((3, 0), (9, 0), (7, 27))  # zstd level and window; the last is the default
DEFLATE = 6
_ROOT = Path(__file__).resolve().parent.parent


def run(folder: Path) -> list[Row]:
    """NVIDIA's real payloads into conda packages and wheels: time, memory, size, peers (needs the network)."""
    rows: list[Row] = []
    for name, requirement in WHEELS.items():
        work = folder / name.replace(" ", "-")
        work.mkdir(parents=True)
        rows += _payload(work, name, _wheel(requirement, work))
        shutil.rmtree(work)
    return [*rows, _unchanged(folder / "project")]


def _wheel(requirement: str, work: Path) -> Path:
    kept = os.environ.get("CUDEPOT_BENCH_WHEELS", "")
    stem = requirement.replace("-", "_").replace("==", "-")
    if not kept or not list(Path(kept).glob(f"{stem}-*.whl")):
        kept = str(work / "wheels")
        index = ("--index-url", pip_index_url())
        timed(
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-cache-dir",
            *index,
            "-d",
            kept,
            requirement,
        )
    return next(Path(kept).glob(f"{stem}-*.whl"))


def _payload(work: Path, name: str, wheel: Path) -> Iterator[Row]:
    seconds, rss, size = _ours(work, "unpack", str(wheel))
    yield Row("repackage", f"{name}: unpack {size / 1e6:.0f} MB once, checked", seconds, rss_mb=rss)
    tree, plain = _tree(work, wheel)
    version, cuda = name.split()[1], name.split(maxsplit=1)[0].removeprefix("cu")
    for level, window in CONDA:
        alone = timed(
            "zstd", "-q", "-f", "-T2", f"-{level}", *(["--long=27"] if window else []), plain, "-o", work / "z"
        )
        peers = {f"rattler-build {level}": _rattler(work, tree, str(level), version, cuda)} if not window else {}
        if window:
            peers = {"rattler-build default (15)": _rattler(work, tree, "15", version, cuda)}
        seconds, rss, size = _ours(work, "conda", str(level), str(window))
        what = f"{name}: conda, zstd {level}{', 128 MB window (default)' if window else ''}, {size / 1e6:.0f} MB"
        yield Row("repackage", what, seconds, peers, alone, rss)
    peers = {f"zipfile {DEFLATE}": _zipfile(work, tree)}
    seconds, rss, size = _ours(work, "wheel", str(DEFLATE))
    yield Row("repackage", f"{name}: wheel, deflate {DEFLATE}, {size / 1e6:.0f} MB", seconds, peers, 0.0, rss)


def _ours(work: Path, *argv: str) -> tuple[float, float, int]:
    """Return seconds of the work, without start-up, peak memory in 10^6 bytes, and the bytes that were made."""
    shutil.rmtree(work / "out", ignore_errors=True)
    child = [sys.executable, "-m", "bench.repackage_child", str(work), *argv]
    path = os.pathsep.join([str(_ROOT / "mirror"), str(_ROOT)])
    done = subprocess.run(child, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    seconds, peak, size = json.loads(done.stdout)
    return seconds, peak / 1e6, size


def _tree(work: Path, wheel: Path) -> tuple[Path, Path]:
    """Unpack the wheel as the recipe wants it, and as one file for zstd; not measured."""
    code = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, wheel, work / "unpacked"], check=True)
    tree, version = work / "tree", wheel.name.split("-")[1]
    (tree / "lib").mkdir(parents=True)
    (work / "unpacked/nvidia/cudnn/include").rename(tree / "include")
    for library in (work / "unpacked/nvidia/cudnn/lib").glob("*.so.*"):
        stem, _, major = library.name.partition(".so.")
        full = f"{stem}.so.{major}.{'.'.join(version.split('.')[1:3])}"
        library.rename(tree / "lib" / full)
        (tree / "lib" / library.name).symlink_to(full)
        (tree / "lib" / f"{stem}.so").symlink_to(library.name)
    next((work / "unpacked").rglob("License.txt")).rename(tree / "LICENSE")
    with (work / "plain").open("wb") as out:
        for one in _files(tree):
            with one.open("rb") as source:
                shutil.copyfileobj(source, out, 1 << 20)
    return tree, work / "plain"


def _files(tree: Path) -> list[Path]:
    return [one for one in sorted(tree.rglob("*")) if one.is_file() and not one.is_symlink()]


def _rattler(work: Path, tree: Path, level: str, version: str, cuda: str) -> float:
    os.environ["CUDEPOT_PAYLOAD"] = str(tree)
    code = Path(__file__).with_name("rattler_build_child.py")
    seconds = timed(sys.executable, code, work / "rattler-out", level, version, cuda)
    shutil.rmtree(work / "rattler-out")
    return seconds


def _zipfile(work: Path, tree: Path) -> float:
    code = (
        "import sys, zipfile\n"
        f"with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED, compresslevel={DEFLATE}) as z:\n"
        "    for f in sys.argv[2:]: z.write(f)"
    )
    return timed(sys.executable, "-c", code, work / "peer.whl", *_files(tree))


def _unchanged(project: Path) -> Row:
    """A whole project on the smaller wheel: what the second ``cudepot repackage`` takes."""
    make_project(project)
    cudepot(project, "lock")
    cudepot(project, "sync")
    accept_licence(project)
    cudepot(project, "repackage")
    again = cudepot(project, "repackage")
    return Row("repackage", "unchanged input and recipe", again.seconds, rss_mb=again.rss_mb)
