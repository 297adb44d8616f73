"""Packing NVIDIA's own libraries (cu13 9.12.0.46, 430 MB; cu11 8.5.0.96, 901 MB) against zstd, zipfile, rattler-build.

Each row packs what is unpacked already: the store's objects for cudepot, a folder for rattler-build, one file for
zstd; conda-build is measured where it is installed. Limit of a conda row: libzstd of the same version with the same
parameters, alone, on the same bytes; the command ``zstd -T2``, which may be another version, is among the peers. Both
leave the result to the page cache, while cudepot hashes it and waits for the disk. Peers take turns with cudepot;
rattler-build's slow levels run once. Row ``unchanged``: ``cudepot repackage`` when nothing changed.

The wheels are downloaded by pip, or taken from the folder that CUDEPOT_BENCH_WHEELS names.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.installed import installed
from bench.main_job import accept_licence, make_project, pip_index_url
from bench.measure import cudepot, timed
from bench.rows import Row

WHEELS = {"cu13 9.12.0.46": "nvidia-cudnn-cu13==9.12.0.46", "cu11 8.5.0.96": "nvidia-cudnn-cu11==8.5.0.96"}
CONDA = ((3, 0), (9, 0), (7, 27))  # zstd level and window; the last is the default
ROUNDS = {3: 3, 9: 1, 7: 2}
DEFLATE = 6
LEVEL_19_MB = {"cu13 9.12.0.46": 290, "cu11 8.5.0.96": 368}  # measured once: they take minutes
Peer = Callable[[], float]
_ROOT = Path(__file__).resolve().parent.parent


def run(folder: Path, wanted: str = "") -> list[Row]:
    """NVIDIA's real payloads into conda packages and wheels: time, memory, size, peers (needs the network)."""
    rows: list[Row] = []
    for name, requirement in WHEELS.items():
        works = {f"{name}: {what}": work for what, work in _works(name).items() if wanted in f"{name}: {what}"}
        if works or wanted in f"{name}: unpack":
            work = folder / name.replace(" ", "-")
            work.mkdir(parents=True)
            wheel = _wheel(requirement, work)
            unpacked = _unpack(work, name, wheel)
            rows += [one for one in [unpacked] if wanted in one.work]
            tree = _tree(work, wheel)
            rows += [_told(one(work, tree, what)) for what, one in works.items()]
            shutil.rmtree(work)
    return [*rows, _told(_unchanged(folder / "project"))] if wanted in "unchanged" else rows


def _works(name: str) -> dict[str, Callable[[Path, Path, str], Row]]:
    """Return what is done with a payload, by name: the table's rows but for the size at their ends."""
    version, cuda = name.split()[1], name.split(maxsplit=1)[0].removeprefix("cu")
    found: dict[str, Callable[[Path, Path, str], Row]] = {}
    for level, window in CONDA:
        what = f"conda, zstd {level}{', 128 MB window (default)' if window else ''}"
        found[what] = functools.partial(_conda, level, window, version, cuda, LEVEL_19_MB[name])
    return found | {f"wheel, deflate {DEFLATE}": _wheel_row}


def _told(row: Row) -> Row:
    """Say at once what was measured: what comes after may take minutes, or fail."""
    print(json.dumps(row.as_json()), file=sys.stderr, flush=True)
    return row


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


def _unpack(work: Path, name: str, wheel: Path) -> Row:
    limit, _, _ = _ours(work, "inflate", str(wheel))
    seconds, rss, size = _ours(work, "unpack", str(wheel))
    return _told(
        Row("repackage", f"{name}: unpack {size / 1e6:.0f} MB once, checked", seconds, limit_s=limit, rss_mb=rss)
    )


def _conda(level: int, window: int, version: str, cuda: str, best: int, work: Path, tree: Path, what: str) -> Row:
    """Pack at a level and window; with the default's, rattler-build packs by its own default."""
    mine: list[tuple[float, float, int]] = []

    def ours() -> float:
        mine.append(_ours(work, "conda", str(level), str(window)))
        return mine[-1][0]

    zstd = ["zstd", "-q", "-f", "-T2", f"-{level}", *(["--long=27"] if window else [])]
    alone, shell = "libzstd alone", f"zstd {_zstd_version()} -T2"
    works: dict[str, Peer] = {
        alone: lambda: _ours(work, "zstd", str(level), str(window))[0],
        shell: lambda: timed(*zstd, work / "plain", "-o", work / "z"),
        "cudepot": ours,
    }
    other = 15 if window else level
    slow = {
        f"rattler-build {other}{' (default)' if window else ''}": lambda: _rattler(work, tree, other, version, cuda)
    }
    times = _in_turn(works, ROUNDS[level]) | _in_turn(slow, 1 if other > 3 else 2)
    size = mine[-1][2]
    limit, seconds = times.pop(alone, 0.0), times.pop("cudepot")
    told = f"{what}, {size / 1e6:.0f} MB ({size / 1e6 / best:.2f} of level 19)"
    return Row("repackage", told, seconds, times, limit, max(rss for _, rss, _ in mine))


def _wheel_row(work: Path, tree: Path, what: str) -> Row:
    times = _in_turn({f"zipfile {DEFLATE}": lambda: _zipfile(work, tree)}, 1)
    seconds, rss, size = _ours(work, "wheel", str(DEFLATE))
    return Row("repackage", f"{what}, {size / 1e6:.0f} MB", seconds, times, rss_mb=rss)


def _zstd_version() -> str:
    done = subprocess.run(["zstd", "-V"], capture_output=True, text=True, check=False) if installed("zstd") else None
    found = re.search(r"v([0-9.]+)", done.stdout) if done else None
    return found[1] if found else ""


def _in_turn(works: Mapping[str, Peer], rounds: int) -> dict[str, float]:
    """Do every work in turn; return the medians. A peer that is missing or fails is told and left out."""
    times: dict[str, list[float]] = {}
    failed: set[str] = set()
    for _ in range(rounds):
        for name, work in works.items():
            os.sync()  # what was written before is on nobody's account
            try:
                times.setdefault(name, []).append(work()) if name not in failed else None
            except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
                if name == "cudepot":
                    raise
                print(f"{name}: left out: {error}", file=sys.stderr)
                failed.add(name)
    return {name: statistics.median(found) for name, found in times.items() if name not in failed}


def _ours(work: Path, *argv: str) -> tuple[float, float, int]:
    """Return seconds of the work, without start-up, peak memory in 10^6 bytes, and the bytes that were made."""
    shutil.rmtree(work / "out", ignore_errors=True)
    child = [sys.executable, "-m", "bench.repackage_child", str(work), *argv]
    path = os.pathsep.join([str(_ROOT / "mirror"), str(_ROOT)])
    done = subprocess.run(child, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    seconds, peak, size = json.loads(done.stdout)
    return seconds, peak / 1e6, size


def _tree(work: Path, wheel: Path) -> Path:
    """Unpack the wheel as the recipe wants it, and as one file ``plain`` for zstd; not measured."""
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
    return tree


def _files(tree: Path) -> list[Path]:
    return [one for one in sorted(tree.rglob("*")) if one.is_file() and not one.is_symlink()]


def _rattler(work: Path, tree: Path, level: int, version: str, cuda: str) -> float:
    os.environ["CUDEPOT_PAYLOAD"] = str(tree)
    code = Path(__file__).with_name("rattler_build_child.py")
    try:
        return timed(sys.executable, code, work / "rattler-out", str(level), version, cuda)
    finally:
        shutil.rmtree(work / "rattler-out", ignore_errors=True)


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
