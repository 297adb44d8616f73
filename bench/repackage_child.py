"""Pack a payload in a process of its own; prints seconds, peak memory in bytes, and the packages' size.

Arguments: folder of the work, ``unpack WHEEL`` or ``conda LEVEL WINDOW`` or ``wheel LEVEL``; and as limits
``inflate WHEEL`` and ``zstd LEVEL WINDOW``.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import tomli

from cudepot.builders.render import render_recipe
from cudepot.catalog.nvidia.release_names import parse_artifact_name
from cudepot.digest import Digest
from cudepot.formats.conda import PIECE, Zstd, compressed, conda_package, write_conda
from cudepot.formats.payload import Found, Payload, PayloadRules
from cudepot.formats.payload_assemble import assemble
from cudepot.formats.wheel_read import read_wheel
from cudepot.formats.wheel_write import WheelRules, wheel_of, write_wheel
from cudepot.store.local import LocalStore
from cudepot.workflows.build.unpack import chunks

_RECIPES = Path(__file__).parent.parent / "recipes"


def unpack(work: Path, wheel: Path) -> int:
    """Put the wheel's content into the store, as ``cudepot repackage`` does; return the payload's bytes."""
    store = LocalStore(work / "store", create=True, durable=False)
    rules = PayloadRules.from_dict(tomli.loads((_RECIPES / "cudnn" / "payload.toml").read_text()))
    found = []
    with wheel.open("rb") as handle:
        for member, stream in read_wheel(handle):
            claim = rules.claim(member.name)
            if claim and stream:
                found.append(Found(member.name, claim, store.add(chunks(stream))))
    release = parse_artifact_name(wheel.name)
    assert release is not None
    payload = assemble(release, found)
    (work / "payload").write_bytes(pickle.dumps(payload))
    return sum(one.digest.size for one in payload.files if one.digest)


def conda(work: Path, level: str, window: str) -> int:
    """Make the conda packages; return their bytes."""
    payload: Payload = pickle.loads((work / "payload").read_bytes())
    source, out = LocalStore(work / "store"), LocalStore(work / "out", create=True)
    variant: dict[str, str | int] = {
        "cudnn_version": payload.release.version, "cuda_version": payload.release.cuda, "build_number": 0,
    }  # fmt: skip
    total, zstd = 0, Zstd(int(level), int(window))
    for output in render_recipe(_RECIPES / "cudnn" / "recipe.yaml", variant, payload.release.subdir):
        package = conda_package(output, payload)
        made = out.make(lambda to, one=package: write_conda(to, one, source.open, zstd=zstd, timestamp_ms=0))  # type: ignore[misc]
        total += made.size
    return total


def wheel(work: Path, level: str) -> int:
    """Make the wheel; return its bytes."""
    payload: Payload = pickle.loads((work / "payload").read_bytes())
    rules = WheelRules.from_dict(tomli.loads((_RECIPES / "cudnn" / "wheel.toml").read_text()))
    source, out = LocalStore(work / "store"), LocalStore(work / "out", create=True)
    one = wheel_of(payload, rules, label="bench.1", glibc=(2, 27))
    return out.make(lambda to: write_wheel(to, one, source.open, level=int(level))).size


def inflate(wheel: Path) -> int:
    """Inflate and hash the wheel's members and keep nothing: what unpacking cannot do without."""
    total = 0
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            with archive.open(info) as stream:
                total += Digest.of_stream(cast(BinaryIO, stream)).size
    return total


def alone(work: Path, level: str, window: str) -> int:
    """Compress ``plain`` as conda packages are, by the same library with the same parameters, and nothing else."""
    plain = work / "plain"
    with plain.open("rb") as source, (work / "alone").open("wb") as out:
        zstd, pieces = Zstd(int(level), int(window)), iter(lambda: source.read(PIECE), b"")
        return sum(out.write(one) for one in compressed(pieces, plain.stat().st_size, zstd, 2))


def main() -> None:
    """Do what the arguments say."""
    work, what, *rest = sys.argv[1:]
    start = time.perf_counter()
    works: dict[str, Callable[[], int]] = {
        "unpack": lambda: unpack(Path(work), Path(rest[0])),
        "inflate": lambda: inflate(Path(rest[0])),
        "conda": lambda: conda(Path(work), *rest),
        "zstd": lambda: alone(Path(work), *rest),
        "wheel": lambda: wheel(Path(work), *rest),
    }
    size = works[what]()
    seconds = time.perf_counter() - start
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))  # noqa: PTH123, SIM115
    print(json.dumps([seconds, peak * 1024, size]))


if __name__ == "__main__":
    main()
