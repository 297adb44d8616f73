"""Starts commands of somebody else's in isolation, with an end in time, and says whether this machine can do so."""

from __future__ import annotations

import functools
import json
import re
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cudepot.errors import BuildError
from cudepot.temporary import temporary_folder

_CHILD = Path(__file__).parent / "isolated" / "__main__.py"
_REFUSED = 125
_MOST_OUTPUT = 1 << 18
MEMORY = 64 << 30
"""Bytes of address space that a process may have: compilers map a lot, a runaway takes more."""
_HINT = (
    "the kernel must allow user namespaces: kernel.unprivileged_userns_clone=1 on Debian, "
    "kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu, --security-opt seccomp=unconfined in Docker; "
    "or build the wheel elsewhere and give it to an upstream of type folder"
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        status: its exit status, 128 and more for a signal.
        output: the last 256 KiB of what it said, on both streams.
        late: whether it was ended because it took too long.
    """

    status: int
    output: str
    late: bool = False


def run_isolated(
    command: Sequence[str],
    folder: Path,
    *,
    shown: Mapping[Path, str],
    environment: Mapping[str, str],
    seconds: float,
    memory: int = MEMORY,
) -> Ended:
    """Run a command that sees ``folder`` as ``/build``, the system's programs, and nothing else; Linux only.

    Args:
        command: arguments, the first a path inside.
        folder: where it may write; nothing that it leaves anywhere else is kept. What an earlier command has left in
            it may be links to anywhere, so nothing below it is mounted.
        shown: further files and folders, path outside → inside; it cannot change them.
        environment: all of its variables.
        seconds: after which it and all it has started are ended.
        memory: bytes of address space a process may have.

    Raises:
        BuildError: the kernel does not allow all of it; the command was not run.
    """
    with temporary_folder() as place:
        for name in ("root", "tmp"):
            (place / name).mkdir()
        spec = {
            "kept": str(folder),
            "tmp": str(place / "tmp"),
            "root": str(place / "root"),
            "shown": [[str(outside), inside] for outside, inside in shown.items()],
            "command": list(command),
            "environment": dict(environment),
            "memory": memory,
        }
        ended = _started(json.dumps(spec), place / "output", seconds)
    said = re.search(r"^cudepot: (.*)$", ended.output, re.MULTILINE)
    if ended.status == _REFUSED and said:
        raise BuildError(f"this machine cannot isolate a build: {said[1]}", hint=_HINT)
    return ended


def _started(spec: str, output: Path, seconds: float) -> Ended:
    with output.open("w+b") as out:
        try:
            command = [sys.executable, "-I", "-B", str(_CHILD)]
            done = subprocess.run(
                command, input=spec.encode(), stdout=out, stderr=out, timeout=seconds, check=False, cwd="/", env={}
            )
        except subprocess.TimeoutExpired:
            return Ended(-1, _end_of(output), late=True)
        return Ended(done.returncode, _end_of(output))


def _end_of(output: Path) -> str:
    with output.open("rb") as handle:
        handle.seek(max(0, output.stat().st_size - _MOST_OUTPUT))
        return handle.read().decode("utf-8", "replace")


_PROBE = """
import os, socket, sys
assert os.listdir("/sys/class/net") == ["lo"] if os.path.isdir("/sys/class/net") else True
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
    sys.exit("this machine's loopback can be reached")
except OSError:
    pass
if os.path.exists(sys.argv[2]):
    sys.exit("files of this machine can be seen")
"""


@functools.cache
def check_isolation() -> None:
    """Try whether what is run in isolation reaches this machine's loopback or sees its files; once in a process.

    Raises:
        BuildError: it does, or it cannot be run.
    """
    python = Path(sys.executable).resolve()
    with temporary_folder() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        (folder / "secret").touch()
        (folder / "build").mkdir()
        command = [str(python), "-I", "-c", _PROBE, str(server.getsockname()[1]), str(folder / "secret")]
        prefix = Path(sys.base_prefix).resolve()
        ended = run_isolated(command, folder / "build", shown=beyond_system(prefix), environment={}, seconds=60)
    if ended.status != 0:
        raise BuildError(f"this machine cannot isolate a build: {ended.output.strip()[-300:]}", hint=_HINT)


def beyond_system(prefix: Path) -> dict[Path, str]:
    """Return what has to be shown of a Python below ``prefix`` beside the system's programs."""
    return {} if prefix.is_relative_to("/usr") else {prefix: str(prefix)}
