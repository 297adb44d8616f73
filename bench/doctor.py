"""doctor over a machine with ten environments and twenty copies of cuDNN, with and without hashing."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.measure import cudepot
from bench.rows import Row
from simulator import cudnn_trees as trees

ENVIRONMENTS = 10
LARGE = 60 << 20  # bytes of the largest library of each copy; a real one has 500 MB in all
SITE = "lib/python3.11/site-packages"
ROUNDS = 5


def run(folder: Path) -> list[Row]:
    """An image with ten conda environments, each with conda's copy and pip's, warm in the page cache."""
    root = folder / "image"
    for number in range(ENVIRONMENTS):
        _environment(root / (f"opt/conda/envs/e{number}" if number else "opt/conda"))
    trees.put_cuda(root / "usr/lib" / trees.TRIPLET)
    project = folder / "project"
    project.mkdir()
    files = [one for one in root.rglob("libcudnn*.so*") if not one.is_symlink()]
    rounds = [(_doctor(project, root, "--quick"), _doctor(project, root), _hashed(files)) for _ in range(ROUNDS)]
    quick, whole = (min((one[at] for one in rounds), key=_seconds) for at in (0, 1))
    size = sum(one.stat().st_size for one in files) / 1e6
    adds = Row(
        "doctor", f"what hashing {size:.0f} MB adds", whole.ours_s - quick.ours_s, limit_s=min(one[2] for one in rounds)
    )
    return [quick, whole, adds]


def _seconds(one: Row) -> float:
    return one.ours_s


def _environment(prefix: Path) -> None:
    trees.conda(prefix)
    trees.put_wheel(prefix / SITE)
    trees.put_torch(prefix / SITE)
    for one in (prefix / "lib/libcudnn_engines_precompiled.so.9.10.2", _wheel(prefix)):
        with one.open("ab") as stream:
            stream.write(os.urandom(LARGE))
    for record in (*prefix.glob("conda-meta/*.json"), *prefix.glob(f"{SITE}/nvidia*.dist-info")):
        record.unlink() if record.is_file() else [one.unlink() for one in record.iterdir()]
    trees.conda_meta(prefix, "9.10.2.21")
    trees.record(prefix / SITE, "nvidia_cudnn_cu12-9.10.2.21", trees.recorded(prefix / SITE / "nvidia/cudnn"))


def _wheel(prefix: Path) -> Path:
    return prefix / SITE / "nvidia/cudnn/lib/libcudnn_engines_precompiled.so.9"


def _doctor(project: Path, root: Path, *options: str) -> Row:
    done = cudepot(project, "doctor", "--root", str(root), "-q", *options)
    work = f"doctor{' --quick' if options else ''}, 10 environments, 20 copies"
    return Row("doctor", work, done.seconds, rss_mb=done.rss_mb)


def _hashed(files: list[Path]) -> float:
    """Return the seconds that hashing the same files takes, on as many threads as doctor uses."""
    start = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(_sha256, files))
    return time.perf_counter() - start


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
