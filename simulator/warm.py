"""Runs ``cudepot`` for tests in copies of a process that has loaded it: to start anew is most of a short run.

``Warm`` is the tests' side. The other side is this file as a program: it loads cudepot, then forks for each run that
it is told of. A copy has environment, folder and umask of its caller, and nothing to read.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Self

_LIBRARIES = ("boto3.session", "botocore.config", "createrepo_c", "rich.console", "rich.progress", "solv", "yaml")
"""What cudepot loads late; what it loads first comes with its modules."""
_LEFT_OUT = (".__main__", ".wheel_driver", ".isolated", ".gpu_check")
"""Programs of others' processes."""
_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "COV", "GCONV", "MALLOC")
"""Variables that work while Python or a library starts: a run with others than the loaded process has starts anew."""
_LARGEST = 200_000


class Warm:
    """One loaded process. Runs may come from several threads."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env, self._user = dict(env), (os.geteuid(), os.getegid())
        self._process: subprocess.Popen[bytes] | None = None
        self._socket, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._theirs.close()
        self._socket.close()
        if self._process:
            self._process.wait()

    def _start(self) -> None:
        """Start the process before the first run, and not before."""
        with self._starting:
            if self._process:
                return
            argv, fd = [sys.executable, "-B", __file__, str(self._theirs.fileno())], self._theirs.fileno()
            self._process = subprocess.Popen(argv, env=self._env, pass_fds=[fd], stdin=subprocess.DEVNULL)
            self._theirs.close()

    def takes(self, env: Mapping[str, str]) -> bool:
        """Return whether a copy differs in nothing from a run in this environment that starts anew."""
        return _at_start(env) == _at_start(self._env) and (os.geteuid(), os.getegid()) == self._user

    def run(self, argv: Sequence[str], env: Mapping[str, str], timeout: float) -> tuple[int, str, str]:
        """Run ``cudepot ARGV`` and return its exit status, as subprocess has it, and what it printed on both streams.

        Raises:
            subprocess.TimeoutExpired: it took longer than ``timeout`` seconds, and is killed.
        """
        self._start()
        os.umask(umask := os.umask(0))
        told = {"argv": list(argv), "env": dict(env), "cwd": str(Path.cwd()), "umask": umask}
        mine, theirs = socket.socketpair()
        with mine, _output() as out, _output() as err:
            with theirs:
                fds = [theirs.fileno(), out.fileno(), err.fileno()]
                socket.send_fds(self._socket, [json.dumps(told).encode()], fds)
            code = _ended(mine, argv, timeout)
            return code, _read(out), _read(err)


def _at_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_AT_START)}


def _output() -> io.TextIOWrapper:
    return os.fdopen(os.memfd_create("output"), "w+")


def _read(output: io.TextIOWrapper) -> str:
    output.seek(0)
    return output.read()


def _ended(status: socket.socket, argv: Sequence[str], timeout: float) -> int:
    """Wait for a run to end; its first line is its process, its second the exit status."""
    with status.makefile("r") as lines:
        process = int(lines.readline())
        status.settimeout(timeout)
        try:
            return int(lines.readline())
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):  # it has no group of its own yet
                os.killpg(process, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            raise subprocess.TimeoutExpired(list(argv), timeout) from None


def _load() -> None:
    """Load cudepot and what it loads late."""
    import cudepot

    for one in pkgutil.walk_packages(cudepot.__path__, "cudepot."):
        if not any(f"{word}." in f"{one.name}." for word in _LEFT_OUT):
            importlib.import_module(one.name)
    for name in _LIBRARIES:
        importlib.import_module(name)


def _serve(ours: socket.socket) -> Sequence[str] | None:
    """Fork for each run; return its command line in a copy, and None in the first process when there are no more."""
    with ours, selectors.DefaultSelector() as watched:
        watched.register(ours, selectors.EVENT_READ)
        while True:
            for key, _ in watched.select():
                if key.data:
                    watched.unregister(key.fd)
                    _tell_end(key.fd, *key.data)
                    continue
                message, fds, _, _ = socket.recv_fds(ours, _LARGEST, 3)
                if not message:
                    return None
                if (process := os.fork()) == 0:
                    return _become(json.loads(message), fds)
                status, *outputs = fds
                _tell(status, process)
                os.set_inheritable(status, False)
                watched.register(os.pidfd_open(process), selectors.EVENT_READ, (process, status))
                for fd in outputs:
                    os.close(fd)


def _tell_end(ended: int, process: int, status: int) -> None:
    os.close(ended)
    _tell(status, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
    os.close(status)


def _tell(status: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # who asked is gone
        os.write(status, f"{number}\n".encode())


def _become(told: dict[str, Any], fds: Sequence[int]) -> Sequence[str]:
    """Make this copy what a new process would be; return its command line."""
    _, out, err = fds
    os.dup2(out, 1)
    os.dup2(err, 2)
    for fd in fds:
        os.close(fd)
    os.setsid()
    os.umask(told["umask"])
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["env"])
    tempfile.tempdir = None
    sys.path.insert(0, told["cwd"])  # as ``python -m`` does
    return list(map(str, told["argv"]))


def _main(fd: int) -> None:
    del sys.path[0]  # this folder is for tests
    _load()
    gc.collect()
    gc.freeze()
    argv = _serve(socket.socket(fileno=fd))
    if argv is not None:
        from cudepot.cli import main

        sys.argv = [str(main.__file__), *argv]
        _end(main.main)


def _end(main: Callable[[], int]) -> NoReturn:
    """Run a program and end as Python does, but for taking all that was loaded to pieces: most of a copy's time."""
    try:
        code = main()
    except SystemExit as error:
        if not isinstance(error.code, int):
            raise
        code = error.code
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
