"""``cudepot doctor``."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cudepot.catalog.doctor.values import Severity, dotted
from cudepot.cli.output import Answer
from cudepot.errors import ConfigError, InstallationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cudepot.catalog.doctor.values import Copy, Finding, Program
    from cudepot.probe.machine import Machine
    from cudepot.workflows.doctor.diagnose import Diagnosis
    from cudepot.workflows.doctor.run import Run, Test

_SECONDS = 300
NAME = "doctor"
HELP = "check the cuDNN installed on this machine, or run it on the GPU"
DESCRIPTION = """\
Show which copies of cuDNN this machine has, what installed them and which programs use them, and report what is
wrong: with the files, with the records of the package that installed them, and with their surroundings (driver, GPU,
headers, frameworks). Without arguments: the machine, the python3 on PATH and the active environment. With PROGRAM (an
executable, a library, a Python script or a Python): what this one uses. With --run: compute a convolution, a pooling,
a softmax and a graph on the GPU with the installed library and compare the results; no compiler, framework or other
package is needed.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own options."""
    parser.add_argument("program", nargs="?", default="", metavar="PROGRAM", help="only what this program uses")
    parser.add_argument("--prefix", default="", metavar="DIR", help="only this environment")
    parser.add_argument("--pid", type=int, default=0, metavar="PID", help="which cuDNN a running process has loaded")
    parser.add_argument("--root", default="/", metavar="DIR", help="check a mounted image of another machine")
    parser.add_argument(
        "--quick", action="store_true", help="compare files with their records by size only, without hashing"
    )
    parser.add_argument("--run", dest="on_gpu", action="store_true", help="compute on the GPU")
    parser.add_argument(
        "--timeout", type=_seconds, default=_SECONDS, metavar="SECONDS",
        help=f"with --run: give up after this long (default: {_SECONDS}; a cuDNN older than the GPU takes longer "
            "the first time)",
    )  # fmt: skip


def _seconds(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 up")
    return int(text)


def run(args: argparse.Namespace) -> Answer:
    """Run the verb."""
    from cudepot.probe.machine import Machine

    machine = Machine(Path(args.root).resolve(), os.environ if args.root == "/" else {})
    prefix = os.path.abspath(args.prefix) if args.prefix else ""  # noqa: PTH100 - links may be absolute in an image
    if not machine.is_folder(prefix or "/"):
        raise ConfigError(f"{prefix or args.root}: no such folder", hint="--prefix and --root name folders")
    if args.program and (args.prefix or args.pid or args.on_gpu):
        raise ConfigError("PROGRAM checks a single program", hint="omit --prefix, --pid and --run")
    if args.program:
        return _program(machine, args)
    if args.pid:
        return _process(args.pid)
    if args.on_gpu:
        return _on_gpu(machine, prefix, args.timeout)
    return _looked_at(machine, prefix, quick=args.quick, quiet=args.quiet)


def _looked_at(machine: Machine, prefix: str, *, quick: bool, quiet: bool) -> Answer:
    from cudepot.cli.steps import telling
    from cudepot.workflows.doctor.diagnose import diagnose

    with telling("cudepot doctor: checking this machine", quiet=quiet) as progress:
        result = diagnose(machine, prefix, progress=None if quick else progress)
    return _judged(result, seen(result), result.findings)


def _program(machine: Machine, args: argparse.Namespace) -> Answer:
    from cudepot.cli.steps import telling
    from cudepot.workflows.doctor.program import diagnose_program

    named = os.path.abspath(args.program) if "/" in args.program else args.program  # noqa: PTH100 - as above
    with telling(f"cudepot doctor: checking {args.program}", quiet=args.quiet) as progress:
        result, line = diagnose_program(machine, named, progress=None if args.quick else progress)
    return _judged(result, [line, *seen(result)], result.findings)


def seen(result: Diagnosis) -> list[str]:
    """Return what is there, as lines for people: each copy with its owner and those who get it."""
    lines = [line for copy in result.copies for line in _copy(copy, result.programs)]
    lines += [_without(one) for one in result.programs if not one.path]
    return lines + [f"GPU: {one.name}, driver {dotted(one.driver)}" for one in result.around.gpus]


def _judged(result: Diagnosis | Any, lines: list[str], findings: Sequence[Finding]) -> Answer:
    lines += [line for one in findings for line in words(one)]
    bad = any(one.severity is Severity.ERROR for one in findings)
    lines += [] if findings else ["no problems found"]
    return _plain(asdict(result)), lines, InstallationError.exit_code if bad else 0


def words(one: Finding) -> list[str]:
    """Return a finding as lines: what and where, why it matters, what mends it."""
    return [f"{one.severity.value} {one.name}: {one.what}", f"  why: {one.why}", f"  do: {one.remedy}"]


def _copy(copy: Copy, programs: Sequence[Program]) -> Iterator[str]:
    yield f"{copy}: {copy.folder}"
    owners = [str(one) for one in copy.packages]
    yield f"  from: {', '.join(owners) or 'no package has a record of it'}"
    mine = {one.real for one in copy.libraries}
    users = [f"{_who(one)} ({one.why})" for one in programs if one.real in mine]
    yield f"  used by: {', '.join(dict.fromkeys(users)) or 'nothing that was checked'}"


def _who(one: Program) -> str:
    return f"{one.name} of {one.prefix}" if one.prefix and not one.name.startswith("programs") else one.name


def _without(one: Program) -> str:
    return f"{_who(one)}: no {one.soname} anywhere"


def _process(pid: int) -> Answer:
    from cudepot.workflows.doctor.process import look_at

    result = look_at(pid)
    lines = [f"process {pid}: {result.command}"]
    lines += [f"  {path}" + (f" ({dotted(version)})" if version else "") for path, version in result.files]
    lines += [] if result.files else ["  has not loaded cuDNN yet: it is loaded when first needed"]
    return _judged(result, lines, result.findings)


def _plain(value: Any) -> Any:
    """Return what JSON can hold: sets sorted, enumerations by value."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [_plain(one) for one in items]
    return value.value if isinstance(value, Enum) else value


def _on_gpu(machine: Machine, prefix: str, seconds: int) -> Answer:
    from cudepot.workflows.doctor.run import run_on_gpu

    result = run_on_gpu(machine, prefix, seconds)
    lines = [*_about(result), *map(_test, result.tests), "Test passed!" if result.passed else "Test FAILED"]
    return {**asdict(result), "passed": result.passed}, lines, 0 if result.passed else InstallationError.exit_code


def _about(run: Run) -> list[str]:
    capability = ".".join(map(str, run.capability))
    return [
        f"library: {', '.join(run.library)} (cuDNN {_cudnn(run.version)}, built with CUDA {_cuda(run.cuda)})",
        f"GPU: {run.gpu}, compute capability {capability}, driver for CUDA {_cuda(run.driver_cuda)}",
        *([f"note: {run.unfit}"] if run.unfit else []),
        *([f"note: no graph was run: {run.skipped}"] if run.skipped else []),
        *([f"note: parts of another copy of the same version: {', '.join(run.elsewhere)}"] if run.elsewhere else []),
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
