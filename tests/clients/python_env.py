"""Installs wheels with the real pip and uv into fresh environments, and loads libraries in a process of their own.

The host's pip and uv configuration (files, environment, caches) is kept out, so that an installation can only
come from the index it is given.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from simulator.process import ToolError, clean_env, run

Done = subprocess.CompletedProcess[str]

_LOAD = """
import ctypes, sys
for name in sys.argv[2:]:
    ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
library = ctypes.CDLL(sys.argv[1])
library.cudnnGetVersion.restype = ctypes.c_size_t
print("cudnnGetVersion", library.cudnnGetVersion())
"""


class PythonEnv:
    """A fresh virtual environment with pip in ``path``.

    Args:
        pip: a wheel of the pip it shall have; None for the interpreter's own.
        prefix: put before each command, say to run it in another network.

    Attributes:
        python: its interpreter.
        site_packages: where wheels are unpacked.
    """

    def __init__(self, path: Path, pip: Path | None = None, prefix: tuple[str, ...] = ()) -> None:
        self.path, self._prefix = path, prefix
        self.python, self.site_packages = _venv(path, "--without-pip")
        if pip:
            with zipfile.ZipFile(pip) as archive:
                archive.extractall(self.site_packages)
        else:
            shutil.copytree(_own_pip(), self.site_packages, dirs_exist_ok=True)

    def pip_install(self, index_url: str, *specs: str, options: tuple[str, ...] = (), check: bool = True) -> Done:
        """``pip install`` from ``index_url`` and nowhere else."""
        argv = ("--no-cache-dir", "--timeout", "120", "--index-url", index_url)  # a loaded machine serves 300 MB slowly
        return self.pip("install", *argv, *options, *specs, check=check)

    def pip(self, *argv: str, check: bool = True) -> Done:
        """Run any ``pip`` command without the host's configuration."""
        return run(*self._prefix, self.python, "-m", "pip", *argv, env=_env(self.path), check=check)

    def uv_install(self, index_url: str, *specs: str, options: tuple[str, ...] = (), check: bool = True) -> Done:
        """``uv pip install`` from ``index_url`` and nowhere else."""
        argv = ["pip", "install", "--no-config", "--no-cache", "--python", str(self.python)]
        return run(
            *self._prefix, uv(), *argv, "--index-url", index_url, *options, *specs, env=_env(self.path), check=check
        )

    def run(self, code: str, *argv: str, check: bool = True) -> Done:
        """Run Python code in the environment."""
        return run(*self._prefix, self.python, "-c", code, *argv, env=_env(self.path), check=check)

    @property
    def lib(self) -> Path:
        """Folder of the cuDNN libraries after an installation."""
        return self.site_packages / "nvidia" / "cudnn" / "lib"


def _venv(path: Path, *options: str) -> tuple[Path, Path]:
    """Make a virtual environment and return its interpreter and its site-packages."""
    run(sys.executable, "-m", "venv", *options, path, env=_env(path))
    return path / "bin" / "python", next((path / "lib").glob("python3*/site-packages"))


@functools.cache
def _own_pip() -> Path:
    """Return a folder with the interpreter's own pip, compiled: ``venv`` takes seconds to install it."""
    folder = Path(tempfile.mkdtemp(prefix="cudepot-pip-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return _venv(folder)[1]


def uv() -> Path:
    """Return uv: beside the interpreter that runs the tests, or on PATH."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    assert found, "uv is not installed: it is part of the dev dependencies"
    return Path(found)


def load_cudnn(folder: Path, soname: str, *, first: tuple[Path, ...] = (), library_path: str = "") -> int:
    """Load ``folder/soname`` in a child process and return what ``cudnnGetVersion()`` says.

    ``first`` are libraries to be loaded beforehand, as frameworks do it with cuBLAS; ``library_path`` is an
    LD_LIBRARY_PATH. A child, because a library that does not find its parts aborts the process.

    Raises:
        ToolError: with the child's output, when it cannot be loaded.
    """
    env = clean_env() | ({"LD_LIBRARY_PATH": library_path} if library_path else {})
    done = run(sys.executable, "-c", _LOAD, folder / soname, *first, env=env)
    word, _, number = done.stdout.strip().partition(" ")
    if word != "cudnnGetVersion":
        raise ToolError(done)
    return int(number)


def _env(home: Path) -> dict[str, str]:
    proxies = {name: text for name, text in os.environ.items() if name.lower() == "no_proxy"}
    return clean_env(
        HOME=str(home), XDG_CONFIG_HOME=str(home / "none"), XDG_CONFIG_DIRS=str(home / "none"),
        PIP_CONFIG_FILE=os.devnull, PIP_DISABLE_PIP_VERSION_CHECK="1", UV_NO_CONFIG="1", UV_PYTHON_DOWNLOADS="never",
    ) | proxies  # fmt: skip
