"""Fuzzes targets with atheris, led by coverage: ``scripts/fuzz [TARGET] [--seconds N]``.

What it finds is kept in ``build/fuzz/TARGET``: inputs that reach new code, and ``crash-…`` for each exception that is
no CudepotError. Each target runs in a process of its own, because libFuzzer ends its process.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import subprocess
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["cudepot", "cudepot_far"]):
    from tests.fuzz.corpus import corpus
    from tests.fuzz.targets import TARGETS

from cudepot.errors import CudepotError

KEPT = Path(__file__).parents[2] / "build/fuzz"


def main() -> int:
    """Run one target, or all of them one after the other."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", nargs="?", choices=list(TARGETS), metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="for each target; 60 when not given")
    args = parser.parse_args()
    if args.target:
        fuzz(args.target, args.seconds)
    again = [sys.executable, "-m", "tests.fuzz", "--seconds", str(args.seconds)]
    failed = [name for name in TARGETS if subprocess.run([*again, name], check=False).returncode]
    print(f"targets: {len(TARGETS)}, with findings: {', '.join(failed) or 'none'}; see {KEPT}")
    return 1 if failed else 0


def fuzz(name: str, seconds: int) -> None:
    """Run one target; never returns."""
    folder = KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    for data in corpus(name):
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)

    def once(data: bytes) -> None:
        with contextlib.suppress(CudepotError):  # refused
            TARGETS[name](data)

    options = [f"-max_total_time={seconds}", f"-artifact_prefix={folder}/", "-timeout=60", "-rss_limit_mb=4096"]
    atheris.Setup([f"fuzz-{name}", *options, str(folder)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
