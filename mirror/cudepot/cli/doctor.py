"""``cudepot doctor``."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cudepot.catalog.installation import told
from cudepot.cli.output import Answer
from cudepot.errors import InstallationError

if TYPE_CHECKING:
    from cudepot.catalog.installation import Copy
    from cudepot.probe.machine import Machine
    from cudepot.workflows.doctor_run import Run, Test

_SECONDS = 300
NAME = "doctor"
HELP = "look at the cuDNN that is installed on this machine, or run it on the GPU"
DESCRIPTION = """\
Find the copies of cuDNN on this machine (or below a prefix: a conda environment, a venv, /usr/local/cuda), say which
one the loader takes and why, and name what is wrong with them. With --run: compute a convolution, a pooling and a
softmax on the GPU with the installed library and compare the results; no compiler, framework or further package needed.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("--prefix", default="", metavar="DIR", help="only this environment")
    parser.add_argument("--run", dest="on_gpu", action="store_true", help="compute on the GPU")
    parser.add_argument(
        "--timeout", type=_seconds, default=_SECONDS, metavar="SECONDS",
        help=f"with --run: give up after that long (default: {_SECONDS}; a cuDNN older than the GPU needs longer once)",
    )  # fmt: skip
    parser.add_argument("--root", default="/", metavar="DIR", help="look at a mounted image of another machine")


def _seconds(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 up")
    return int(text)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.probe.machine import Machine

    machine = Machine(Path(args.root).resolve(), os.environ)
    prefix = os.path.abspath(args.prefix) if args.prefix else ""  # noqa: PTH100 - links may be absolute in an image
    if not machine.is_folder(prefix or "/"):
        raise InstallationError(f"{prefix or args.root}: no such folder", hint="look at --prefix and --root")
    if args.on_gpu:
        return _on_gpu(machine, prefix, args.timeout)
    return _looked_at(machine, prefix)


def _looked_at(machine: Machine, prefix: str) -> Answer:
    from cudepot.catalog.installation import Severity
    from cudepot.workflows.doctor import diagnose

    result = diagnose(machine, prefix)
    lines = [line for copy in result.copies for line in _copy(copy)]
    lines += [f"loader: {one.soname} is {one.path} ({one.why})" for one in result.around.choices]
    lines += [f"GPU: {one.name}, driver {told(one.driver)}" for one in result.around.gpus]
    for one in result.findings:
        lines += [f"{one.severity.value} {one.name}: {one.what}", f"  why: {one.why}", f"  do: {one.remedy}"]
    bad = any(one.severity is Severity.ERROR for one in result.findings)
    lines += [] if result.findings else ["nothing is wrong"]
    return _plain(asdict(result)), lines, InstallationError.exit_code if bad else 0


def _copy(copy: Copy) -> list[str]:
    version = copy.version()
    cuda = f" for CUDA {copy.cuda()}" if copy.cuda() else ""
    files = f"{sum(1 for _ in copy.whole())} libraries" + (", headers" if copy.headers else "")
    said = [f"{copy.prefix} ({copy.kind}): cuDNN {told(version) if version else 'of unknown version'}{cuda}, {files}"]
    return said + [f"  {one.kind} {one.name} {one.version}" for one in copy.packages if "cudnn" in one.name]


def _plain(value: Any) -> Any:
    """Return what JSON can hold: sets sorted, enumerations by value."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [_plain(one) for one in items]
    return value.value if isinstance(value, Enum) else value


def _on_gpu(machine: Machine, prefix: str, seconds: int) -> Answer:
    from cudepot.workflows.doctor_run import run_on_gpu

    result = run_on_gpu(machine, prefix, seconds)
    lines = [*_about(result), *map(_test, result.tests), "Test passed!" if result.passed else "Test FAILED"]
    return {**asdict(result), "passed": result.passed}, lines, 0 if result.passed else InstallationError.exit_code


def _about(run: Run) -> list[str]:
    capability = ".".join(map(str, run.capability))
    return [
        f"library: {', '.join(run.library)} (cuDNN {_cudnn(run.version)}, built with CUDA {_cuda(run.cuda)})",
        f"GPU: {run.gpu}, compute capability {capability}, driver for CUDA {_cuda(run.driver_cuda)}",
        *([f"note: {run.unfit}"] if run.unfit else []),
        *([f"loaded by: {run.python}"] if run.python else []),
    ]


def _test(test: Test) -> str:
    shape = "x".join(map(str, test.shape))
    off = "not a number" if test.worst is None else f"{test.worst:.1e}"
    passed = "passed" if test.passed else "FAILED"
    return f"{test.name} {shape}: {passed}, {test.ms:.3f} ms, {test.gflops:.1f} GFLOP/s, largest deviation {off}"


def _cudnn(number: int) -> str:
    major = 10000 if number >= 90000 else 1000
    return f"{number // major}.{number % major // 100}.{number % 100}"


def _cuda(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"
