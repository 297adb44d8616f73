"""Makes a wheel of an unpacked sdist: in isolation, without a network, the same bytes each time its backend can.

PyPI's ``build`` asks the backend (PEP 517), uv makes the environment of the requirements; both are run inside as well.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cudepot.builders.sandbox import MEMORY, Ended, beyond_system, check_isolation, run_isolated
from cudepot.builders.uv_program import find_uv
from cudepot.errors import BuildError

EPOCH = 1580601600
"""``SOURCE_DATE_EPOCH`` of all builds, in seconds: 2020-02-02, as backends take it where nobody says anything."""
SECONDS = 3600.0
_DRIVER = Path(__file__).parent / "wheel_driver" / "__main__.py"
_CARRIED = ("build", "packaging", "pyproject_hooks")
_PYTHON, _UV, _TOOLS, _WHEELS = "/build/env/bin/python", "/uv", "/tools", "/wheels"
_MOST_REQUIRES = 1 << 20  # bytes of what a backend says
_ENVIRONMENT = {
    "PATH": "/build/env/bin:/usr/local/bin:/usr/bin:/bin",
    "HOME": "/build/home",
    "TMPDIR": "/tmp",  # noqa: S108 - inside
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONNOUSERSITE": "1",
    "SOURCE_DATE_EPOCH": str(EPOCH),
    "UV_NO_CONFIG": "1",
    "UV_OFFLINE": "1",
    "UV_NO_CACHE": "1",
    "UV_LINK_MODE": "copy",
}
_NO_NETWORK = re.compile(
    r"network is unreachable|name resolution|name or service not known|could not resolve host|getaddrinfo"
    r"|failed to establish a new connection|no address associated|nodename nor servname|urlopen error",
    re.IGNORECASE,
)
_OTHER = "choose another version of the project, or build the wheel yourself and give it to an upstream of type folder"
_NO_WRITE = re.compile(r"read-only file system", re.IGNORECASE)
_NO_MEMORY = re.compile(r"MemoryError|cannot allocate memory|out of memory allocating", re.IGNORECASE)


class Interpreter(NamedTuple):
    """A Python that builds.

    Attributes:
        executable: the program itself, no link.
        prefix: the folder of its installation.
        version: ``3.11.7``.
    """

    executable: Path
    prefix: Path
    version: str

    @property
    def minor(self) -> str:
        """Its version as wheels know it: ``3.11``."""
        return ".".join(self.version.split(".")[:2])


@cache
def find_interpreter(minor: str = "") -> Interpreter | None:
    """Return a Python of this machine, ``3.12`` or the like; the running one without an argument. None: there is none.

    None is ever fetched.
    """
    if minor in ("", ".".join(platform.python_version_tuple()[:2])):
        return Interpreter(Path(sys.executable).resolve(), Path(sys.base_prefix).resolve(), platform.python_version())
    command = [find_uv(), "python", "find", minor, "--no-config", "--no-python-downloads", "--system"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        return None
    ask = "import json, platform, sys; print(json.dumps([sys.executable, sys.base_prefix, platform.python_version()]))"
    asked = subprocess.run([found.stdout.strip(), "-I", "-c", ask], capture_output=True, text=True, check=False)
    if asked.returncode:
        return None
    executable, prefix, version = json.loads(asked.stdout)
    return Interpreter(Path(executable).resolve(), Path(prefix).resolve(), version)


class WheelBuild:
    """One build in an empty folder of its own, whose ``source`` is to be filled before anything is asked.

    Once a backend was run, anything below ``build`` may be a link to anywhere: only what is a plain file in a plain
    folder is read of it, and nothing is written there.

    Args:
        folder: its part ``build`` is seen as ``/build``, so that no path of this machine gets into a wheel.
        python: what builds.
        what: how errors name the sdist.
        seconds: after which each step is ended.
        memory: bytes of address space for each process.

    Raises:
        BuildError: this machine cannot isolate what it runs.
    """

    def __init__(
        self, folder: Path, python: Interpreter, what: str, *, seconds: float = SECONDS, memory: int = MEMORY
    ) -> None:
        check_isolation()
        self._python, self._what, self._seconds, self._memory = python, what, seconds, memory
        self._folder, self._tools, self._wheels = folder / "build", folder / "tools", folder / "wheels"
        self._wheels.mkdir(parents=True)
        for name in ("source", "out", "home"):
            (self._folder / name).mkdir(parents=True)
        _carry_tools(self._tools)
        self._run([_UV, "venv", "--quiet", "--python", str(python.executable), "/build/env"])

    @property
    def source(self) -> Path:
        """Where the unpacked sdist has to be, without its top folder."""
        return self._folder / "source"

    def install(self, wheels: Mapping[str, BinaryIO]) -> None:
        """Put wheels, each under its file name, into the environment that builds: just these.

        Raises:
            BuildError: uv cannot install them.
        """
        names = []
        for name, content in wheels.items():
            with (self._wheels / name).open("wb") as out:
                shutil.copyfileobj(content, out)
            names.append(f"{_WHEELS}/{name}")
        if names:
            self._run([_UV, "pip", "install", "--quiet", "--no-deps", "--no-index", "--python", _PYTHON, *names])

    def requires(self) -> tuple[str, ...]:
        """Return what the backend wants beside what its sdist says (``get_requires_for_build_wheel``).

        Raises:
            BuildError: it ends with an error, too late, or wants what it does not get.
        """
        self._drive("requires")
        paths = self._made("requires.json")
        try:
            found = json.loads(paths[0].read_text()) if paths and paths[0].stat().st_size <= _MOST_REQUIRES else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list):
            raise BuildError(f"{self._what}: its backend does not report its requirements", hint=_OTHER)
        return tuple(str(one) for one in found)

    def wheel(self) -> Path:
        """Return the wheel that the backend makes.

        Raises:
            BuildError: as for :meth:`requires`; or no wheel came of it, or several.
        """
        self._drive("wheel")
        found = self._made("*.whl")
        if len(found) != 1:
            raise BuildError(
                f"{self._what}: its build produces {len(found)} wheels, but there must be exactly one", hint=_OTHER
            )
        return found[0]

    def _made(self, pattern: str) -> list[Path]:
        """Return the plain files of such names that were made; none where their folder is not the one it was."""
        folder = self._folder / "out"
        found = [] if folder.is_symlink() else folder.glob(pattern)
        return [one for one in found if one.is_file() and not one.is_symlink()]

    def _drive(self, action: str) -> None:
        self._run([_PYTHON, "-I", f"{_TOOLS}/driver.py", action, "/build/source", "/build/out"])

    def _run(self, command: Sequence[str]) -> None:
        shown = {Path(find_uv()): _UV, self._tools: _TOOLS, self._wheels: _WHEELS} | beyond_system(self._python.prefix)
        ended = run_isolated(
            command, self._folder, shown=shown, environment=_ENVIRONMENT, seconds=self._seconds, memory=self._memory
        )
        if ended.late or ended.status:
            raise self._failed(ended)

    def _failed(self, ended: Ended) -> BuildError:
        """Return the error that says what a build wanted, as far as its output tells."""
        lines = [" ".join(one.split()) for one in ended.output.splitlines() if one.strip()]
        hint = f"the end of its output: {' | '.join(lines[-4:])[-600:]}" if lines else _OTHER
        if ended.late:
            why = f"does not end within {self._seconds:g} s"
        elif _NO_NETWORK.search(ended.output):
            why = "needs the network, which builds do not get"
        elif _NO_WRITE.search(ended.output):
            why = "writes outside its folder, which is not allowed"
        elif _NO_MEMORY.search(ended.output):
            why = f"needs more than the {self._memory >> 20} MiB of memory that a process may use"
        else:
            why = f"ends with an error (status {ended.status})"
        return BuildError(f"{self._what}: its build {why}", hint=hint)


def _carry_tools(tools: Path) -> None:
    """Put ``build`` where only the program that asks the backend finds it."""
    tools.mkdir()
    shutil.copyfile(_DRIVER, tools / "driver.py")
    for name in _CARRIED:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise BuildError(f"the Python package {name} is missing", hint="install cudepot with all its requirements")
        shutil.copytree(
            spec.submodule_search_locations[0], tools / "lib" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
